package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/kms/pkg/service"
)

func writeKeys(t *testing.T, file string, letters string) {
	t.Helper()
	var lines []string
	for _, letter := range letters {
		secret := bytes.Repeat([]byte{byte(letter)}, keyBytes)
		lines = append(lines, base64.StdEncoding.EncodeToString(secret))
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func encrypt(t *testing.T, p *plugin, text string) *service.DecryptRequest {
	t.Helper()
	answer, err := p.Encrypt(context.Background(), "", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(answer.Ciphertext, []byte(text)) {
		t.Fatal("the ciphertext contains the text")
	}
	return &service.DecryptRequest{Ciphertext: answer.Ciphertext, KeyID: answer.KeyID}
}

func TestARotationKeepsOldCiphertextReadableUntilItsKeyIsRemoved(t *testing.T) {
	p := &plugin{file: filepath.Join(t.TempDir(), "keys")}
	writeKeys(t, p.file, "a")
	before := encrypt(t, p, "first")
	writeKeys(t, p.file, "ba")
	after := encrypt(t, p, "second")
	if before.KeyID == after.KeyID {
		t.Fatal("the key ID did not change")
	}
	status, err := p.Status(context.Background())
	if err != nil || status.KeyID != after.KeyID || status.Healthz != "ok" || status.Version != "v2" {
		t.Fatalf("unexpected status %v, %v", status, err)
	}
	for text, request := range map[string]*service.DecryptRequest{"first": before, "second": after} {
		data, err := p.Decrypt(context.Background(), "", request)
		if err != nil || string(data) != text {
			t.Fatalf("got %q, %v for %q", data, err, text)
		}
	}
	writeKeys(t, p.file, "b")
	if _, err := p.Decrypt(context.Background(), "", before); err == nil {
		t.Fatal("decrypted with a removed key")
	}
}

func TestChangedCiphertextIsRefused(t *testing.T) {
	p := &plugin{file: filepath.Join(t.TempDir(), "keys")}
	writeKeys(t, p.file, "a")
	request := encrypt(t, p, "text")
	request.Ciphertext[len(request.Ciphertext)-1] ^= 1
	if _, err := p.Decrypt(context.Background(), "", request); err == nil {
		t.Fatal("decrypted changed ciphertext")
	}
}

func TestAFileWithoutUsableKeysIsAnError(t *testing.T) {
	p := &plugin{file: filepath.Join(t.TempDir(), "keys")}
	for _, content := range []string{"", "c2hvcnQ=\n", "not base64\n"} {
		if err := os.WriteFile(p.file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Status(context.Background()); err == nil {
			t.Fatalf("no error for %q", content)
		}
	}
}
