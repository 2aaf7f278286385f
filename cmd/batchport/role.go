package main

import "errors"

// role is the part that a process has among those that share a database.
type role string

const (
	roleAll    role = "all"    // takes jobs in and works them off
	roleAPI    role = "api"    // takes jobs in and tells of them
	roleWorker role = "worker" // works jobs off and takes none in
)

// Set implements [pflag.Value].
func (r *role) Set(value string) error {
	switch role(value) {
	case roleAll, roleAPI, roleWorker:
		*r = role(value)
		return nil
	}
	return errors.New("want all, api or worker")
}

func (r *role) String() string { return string(*r) }
func (r *role) Type() string   { return "role" }

// takesIn reports whether the process has the whole HTTP interface; else it
// has that of health alone.
func (r role) takesIn() bool { return r != roleWorker }

// works reports whether the process works jobs off.
func (r role) works() bool { return r != roleAPI }
