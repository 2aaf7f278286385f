package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// keyFlags say which API key to call with.
type keyFlags struct{ key, file string }

func (k *keyFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&k.key, "key", "", "API key; others on this machine can read a command line, so better set BATCHPORT_KEY, or give --key-file")
	flags.StringVar(&k.file, "key-file", "", "file with the API key alone in it; wins over --key")
}

func (k *keyFlags) given() bool { return k.key != "" || k.file != "" }

// read returns the key, and refuses what can be none.
func (k *keyFlags) read() (string, error) {
	key := k.key
	if k.file != "" {
		content, err := os.ReadFile(k.file)
		if err != nil {
			return "", usage(fmt.Errorf("--key-file: %w", err))
		}
		key = string(content)
	}
	if key = strings.TrimSpace(key); key == "" {
		return "", usage(errors.New(`an API key is missing: set BATCHPORT_KEY, or give --key-file; "batchport keys create" makes one`))
	}
	if strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", usage(errors.New("the API key has characters that no key has"))
	}
	return key, nil
}
