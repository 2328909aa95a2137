// Program hanging-disk is a file system for tests of disks that hang. It passes all operations to another
// directory. While a file named by -hang exists, fsync and fdatasync do not return.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

const pause = 50 * time.Millisecond

var hang = flag.String("hang", "", "path of the file that makes fsync hang while it exists")

// node is a file or directory of the other directory.
type node struct {
	fs.LoopbackNode
}

// Fsync waits until the disk does not hang, and then writes the file to the other file system.
func (n *node) Fsync(ctx context.Context, file fs.FileHandle, flags uint32) syscall.Errno {
	for exists(*hang) {
		time.Sleep(pause)
	}
	if opened, ok := file.(fs.FileFsyncer); ok {
		return opened.Fsync(ctx, flags)
	}
	return fs.OK
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func main() {
	flag.Parse()
	if flag.NArg() != 2 || *hang == "" {
		log.Fatal("usage: hanging-disk -hang FILE DIRECTORY MOUNT-POINT")
	}
	var status syscall.Stat_t
	if err := syscall.Stat(flag.Arg(0), &status); err != nil {
		log.Fatal(err)
	}
	root := &fs.LoopbackRoot{Path: flag.Arg(0), Dev: uint64(status.Dev)}
	root.NewNode = func(data *fs.LoopbackRoot, _ *fs.Inode, _ string, _ *syscall.Stat_t) fs.InodeEmbedder {
		return &node{fs.LoopbackNode{RootData: data}}
	}
	root.RootNode = root.NewNode(root, nil, "", &status)
	options := &fs.Options{MountOptions: fuse.MountOptions{AllowOther: true, DirectMountStrict: true}}
	server, err := fs.Mount(flag.Arg(1), root.RootNode, options)
	if err != nil {
		log.Fatal(err)
	}
	server.Wait()
}
