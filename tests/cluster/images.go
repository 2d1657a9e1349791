package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Debian's static init, which does nothing as well as anything can.
const pauseProgram = "/usr/bin/catatonit"

// importImages reads an archive, as `podman save --multi-image-archive` writes it, and gives it to the node. The
// arguments are the images' ids, noted so that nobody need bring them again.
func importImages(ctx context.Context, ids []string) error {
	if err := giveToNode(ctx, os.Stdin); err != nil {
		return err
	}
	// Read by people who are not root, to know what to bring.
	if err := os.MkdirAll(importedFolder, 0o755); err != nil {
		return err
	}
	for _, id := range ids {
		if err := os.WriteFile(filepath.Join(importedFolder, filepath.Base(id)), nil, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func importPauseImage(ctx context.Context) error {
	archive, err := pauseArchive()
	if err != nil {
		return fmt.Errorf("the pause image: %w", err)
	}
	return giveToNode(ctx, bytes.NewReader(archive))
}

func giveToNode(ctx context.Context, archive io.Reader) error {
	command := exec.CommandContext(ctx, "ctr", "--address", containerdSocket, "--namespace", "k8s.io",
		"images", "import", "-")
	command.Stdin = archive
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("importing images: %w: %s", err, output)
	}
	return nil
}

// pauseArchive makes an image of one file, in the format of `docker save`.
func pauseArchive() ([]byte, error) {
	program, err := os.ReadFile(pauseProgram)
	if err != nil {
		return nil, err
	}
	layer, err := archiveOf(file{"catatonit", program, 0o755})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(layer)
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": []string{"/catatonit", "-P"}, "User": "65534:65534"},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	if err != nil {
		return nil, err
	}
	manifest, err := json.Marshal([]map[string]any{{
		"Config":   "config.json",
		"RepoTags": []string{pauseImage},
		"Layers":   []string{"layer.tar"},
	}})
	if err != nil {
		return nil, err
	}
	return archiveOf(
		file{"config.json", config, 0o644},
		file{"layer.tar", layer, 0o644},
		file{"manifest.json", manifest, 0o644},
	)
}

type file struct {
	name    string
	content []byte
	mode    int64
}

func archiveOf(files ...file) ([]byte, error) {
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	for _, entry := range files {
		header := &tar.Header{Name: entry.name, Mode: entry.mode, Size: int64(len(entry.content))}
		err := archive.WriteHeader(header)
		if err == nil {
			_, err = archive.Write(entry.content)
		}
		if err != nil {
			return nil, errors.Join(err, archive.Close())
		}
	}
	err := archive.Close()
	return buffer.Bytes(), err
}
