// reference-kms is a KMS v2 plugin for the lab and for tests of this repository. It is not for production: its keys
// are plain text in a file on the control plane, beside the API server whose objects they protect.
//
// The file has one key per line, as base64 of 32 bytes. The first key encrypts, all keys decrypt. The plugin reads
// the file again for each call, so a changed file is a rotation: the API server learns the new key ID from the next
// status. Other programs may create and remove lines at any time.
package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"k8s.io/kms/pkg/service"
)

const keyBytes = 32

func main() {
	socket := flag.String("socket", "", "path of the Unix socket")
	keys := flag.String("keys", "", "path of the file with the keys")
	flag.Parse()
	if err := run(*socket, *keys); err != nil {
		log.Fatal(err)
	}
}

func run(socket, keys string) error {
	if socket == "" || keys == "" {
		return errors.New("--socket and --keys are required")
	}
	plugin := &plugin{file: keys}
	if _, err := plugin.read(); err != nil {
		return err
	}
	// A killed plugin leaves its socket behind.
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return service.NewGRPCService(socket, 10*time.Second, plugin).ListenAndServe()
}

// plugin encrypts with AES-256-GCM and the keys of a file.
type plugin struct{ file string }

// key is one line of the file. Its ID is a digest, so that it is the same after a restart.
type key struct {
	id   string
	aead cipher.AEAD
}

func (p *plugin) Status(context.Context) (*service.StatusResponse, error) {
	keys, err := p.read()
	if err != nil {
		return nil, err
	}
	return &service.StatusResponse{Version: "v2", Healthz: "ok", KeyID: keys[0].id}, nil
}

func (p *plugin) Encrypt(_ context.Context, _ string, data []byte) (*service.EncryptResponse, error) {
	keys, err := p.read()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, keys[0].aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return &service.EncryptResponse{Ciphertext: keys[0].aead.Seal(nonce, nonce, data, nil), KeyID: keys[0].id}, nil
}

func (p *plugin) Decrypt(_ context.Context, _ string, request *service.DecryptRequest) ([]byte, error) {
	keys, err := p.read()
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if key.id != request.KeyID {
			continue
		}
		size := key.aead.NonceSize()
		if len(request.Ciphertext) < size {
			return nil, errors.New("the ciphertext is shorter than a nonce")
		}
		return key.aead.Open(nil, request.Ciphertext[:size], request.Ciphertext[size:], nil)
	}
	return nil, fmt.Errorf("%s has no key with the ID %s", p.file, request.KeyID)
}

// read returns the keys of the file, of which there is at least one.
func (p *plugin) read() ([]key, error) {
	content, err := os.ReadFile(p.file)
	if err != nil {
		return nil, err
	}
	var keys []key
	for number, line := range strings.Fields(string(content)) {
		secret, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(secret) != keyBytes {
			return nil, fmt.Errorf("%s: line %d is not base64 of %d bytes", p.file, number+1, keyBytes)
		}
		block, err := aes.NewCipher(secret)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		digest := sha256.Sum256(secret)
		keys = append(keys, key{id: hex.EncodeToString(digest[:8]), aead: aead})
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s contains no key", p.file)
	}
	return keys, nil
}
