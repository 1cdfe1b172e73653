// SPDX-License-Identifier: Apache-2.0

// sumdb DIR VKEY: reads a log of polyward with the Go project's own implementation of tiled logs (golang.org/x/mod/sumdb: note and
// tlog): opens the checkpoint, authenticates every record hash against it through tiles of height 8, and hashes every record itself.
package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type tiles string

func (dir tiles) Height() int { return 8 }

func (dir tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// The same paths but for the height, which the format of polyward fixes and does not name.
func (dir tiles) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range want {
		data, err := os.ReadFile(filepath.Join(string(dir), strings.Replace(t.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func fail(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func bundle(dir string, idx, size int64) []byte {
	t := tlog.Tile{H: 8, L: 0, N: idx, W: 256}
	if size-idx*256 < 256 {
		t.W = int(size - idx*256)
	}
	data, err := os.ReadFile(filepath.Join(dir, strings.Replace(t.Path(), "tile/8/0/", "tile/entries/", 1)))
	fail(err)
	return data
}

func main() {
	dir := os.Args[1]
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	fail(err)
	key, err := note.NewVerifier(os.Args[2])
	fail(err)
	signed, err := note.Open(text, note.VerifierList(key))
	fail(err)
	lines := strings.Split(signed.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	fail(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	fail(err)
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	reader := tlog.TileHashReader(tree, tiles(dir))
	var indexes []int64
	for n := int64(0); n < size; n++ {
		indexes = append(indexes, tlog.StoredHashIndex(0, n))
	}
	hashes, err := reader.ReadHashes(indexes)
	fail(err)
	var data []byte
	for n := int64(0); n < size; n++ {
		if n%256 == 0 {
			data = bundle(dir, n/256, size)
		}
		length := int(data[0])<<8 | int(data[1])
		hash := tlog.RecordHash(data[2 : 2+length])
		data = data[2+length:]
		if !bytes.Equal(hash[:], hashes[n][:]) {
			fail(fmt.Errorf("record %d is not in the tree", n))
		}
	}
	proof, err := tlog.ProveRecord(size, size/2, reader)
	fail(err)
	fail(tlog.CheckRecord(proof, size, tree.Hash, size/2, hashes[size/2]))
	fmt.Printf("golang.org/x/mod/sumdb read %d records of %s\n", size, key.Name())
}
