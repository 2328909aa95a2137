// conformance-shell is /bin/sh of the busybox image that Kubewright builds for conformance tests.
//
// Two tests of upstream expect different things from /bin/sh. One compares an error message with the message of
// busybox. The other sets environment variables whose names are not identifiers of a shell, and expects that `env`
// prints them. Debian's busybox removes such variables, and bash keeps them. This program therefore runs bash if the
// environment has such a name, and busybox otherwise.
package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
)

const (
	busybox = "/bin/busybox"
	bash    = "/bin/bash"
)

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func main() {
	program := shell(os.Environ())
	err := syscall.Exec(program, arguments(program, os.Args), os.Environ())
	fmt.Fprintf(os.Stderr, "%s: %v\n", program, err)
	os.Exit(127)
}

// shell returns the path of the shell for an environment, whose entries are NAME=VALUE.
func shell(environment []string) string {
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		if !identifier.MatchString(name) {
			return bash
		}
	}
	return busybox
}

// arguments returns the arguments of the shell. busybox selects its applet by the name of the command, which a
// login shell begins with a hyphen.
func arguments(program string, given []string) []string {
	if program == busybox && len(given) == 0 {
		return []string{"sh"}
	}
	return given
}
