package main

import "testing"

func TestShellForNames(t *testing.T) {
	for _, row := range []struct {
		environment []string
		want        string
	}{
		{[]string{"PATH=/bin", "_X1=a-b"}, busybox},
		{nil, busybox},
		{[]string{"PATH=/bin", "data-1=value"}, bash},
		{[]string{"1data=value"}, bash},
		{[]string{"a.b=c"}, bash},
	} {
		if got := shell(row.environment); got != row.want {
			t.Errorf("shell(%q) = %s, want %s", row.environment, got, row.want)
		}
	}
}
