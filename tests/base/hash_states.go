// SPDX-License-Identifier: MIT

//go:build ignore

// Prints hash_states.h: what Go's crypto/sha256 and crypto/sha512 marshal, the
// form in which CNCF Distribution keeps the state of an upload.
//
//	go run hash_states.go > hash_states.h
package main

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
)

func input(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + 3)
	}
	return b
}

func text(b []byte) string {
	s, out := hex.EncodeToString(b), ""
	for len(s) > 64 {
		out, s = out+"\n     \""+s[:64]+"\"", s[64:]
	}
	return out + "\n     \"" + s + "\""
}

func state(h hash.Hash) []byte {
	b, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic(err)
	}
	return b
}

// One row: the state after n bytes, and the digest after "tail" more.
func row(name string, h hash.Hash, length uint64, n int) {
	b := state(h)
	if length != uint64(n) {
		// An upload of many gigabytes, made up by its length alone.
		binary.BigEndian.PutUint64(b[len(b)-8:], length)
		if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(b); err != nil {
			panic(err)
		}
	}
	h.Write([]byte("tail"))
	fmt.Printf("    {%s, UINT64_C(%d), %d,%s,%s},\n", name, length, n, text(b), text(h.Sum(nil)))
}

func main() {
	fmt.Print("/* SPDX-License-Identifier: MIT */\n/* Made by hash_states.go. */\n/* clang-format off */\n")
	fmt.Print("static const struct known_state known_states[] = {\n")
	for _, n := range []int{0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 1000} {
		a, b := sha256.New(), sha512.New()
		a.Write(input(n))
		b.Write(input(n))
		row("HASH_SHA256", a, uint64(n), n)
		row("HASH_SHA512", b, uint64(n), n)
	}
	for _, length := range []uint64{1<<29 + 65, 1<<36 + 65, 1<<61 - 63} {
		a, b := sha256.New(), sha512.New()
		n := int(length % 128)
		a.Write(input(n))
		b.Write(input(n))
		row("HASH_SHA256", a, length, n)
		row("HASH_SHA512", b, length, n)
	}
	fmt.Print("};\n/* clang-format on */\n")
}
