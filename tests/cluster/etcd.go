package main

import (
	"context"
	"fmt"
	"net/url"

	"go.etcd.io/etcd/server/v3/embed"
)

// runEtcd is the database of the API server. It does not wait for the disk: nobody needs a test cluster after a power cut.
func runEtcd(ctx context.Context, _ []string) error {
	settings := embed.NewConfig()
	settings.Dir = inState("etcd")
	settings.UnsafeNoFsync = true
	settings.LogLevel = "warn"
	settings.ListenClientUrls = loopback(etcdPort)
	settings.AdvertiseClientUrls = settings.ListenClientUrls
	settings.ListenPeerUrls = loopback(etcdPeerPort)
	settings.AdvertisePeerUrls = settings.ListenPeerUrls
	settings.InitialCluster = settings.InitialClusterFromName(settings.Name)
	// Room for storms: thousands of pods and their events.
	settings.QuotaBackendBytes = 4 << 30
	server, err := embed.StartEtcd(settings)
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer server.Close()
	select {
	case <-ctx.Done():
		return nil
	case err := <-server.Err():
		return fmt.Errorf("etcd: %w", err)
	}
}

func loopback(port int) []url.URL {
	return []url.URL{{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}}
}
