//go:build linux || darwin

package main

import "syscall"

// freeBytes returns how many bytes this process may still write to the disk
// that the folder is on.
func freeBytes(folder string) (n int64, known bool, err error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(folder, &fs); err != nil {
		return 0, false, err
	}
	return int64(fs.Bavail) * int64(fs.Bsize), true, nil
}
