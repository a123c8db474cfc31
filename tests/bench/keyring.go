// An agent as one writes it in ten lines of Go: a rival for the benchmarks.
package main

import (
	"net"
	"os"

	"golang.org/x/crypto/ssh/agent"
)

func main() {
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		panic(err)
	}
	keyring := agent.NewKeyring()
	for {
		client, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			agent.ServeAgent(keyring, client)
			client.Close()
		}()
	}
}
