package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	authentication "k8s.io/api/authentication/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// How long a token of `credentials` lives, in seconds: a day of tests.
const tokenLife = 24 * 60 * 60

// What talks to the API server, by its kubeconfig's name: who it is there, and in which groups.
var clients = map[string][]string{
	"admin":                   {"launchpad-admin", "system:masters"},
	"kube-controller-manager": {"system:kube-controller-manager"},
	"kube-scheduler":          {"system:kube-scheduler"},
	"kubelet":                 {"system:node:" + nodeName, "system:nodes"},
	"kube-proxy":              {"system:kube-proxy"},
	"provisioner":             {"launchpad-provisioner", "system:masters"},
}

// makeCredentials writes all keys, certificates and kubeconfigs, once in the life of a cluster.
func makeCredentials() error {
	if made, err := hasAuthority(); made || err != nil {
		return err
	}
	signer, err := newAuthority()
	if err != nil {
		return err
	}
	for name, who := range clients {
		of, err := signer.client(who[0], who[1:]...)
		if err != nil {
			return err
		}
		user := &api.AuthInfo{ClientCertificateData: of.certificate, ClientKeyData: of.key}
		if err := writeKubeconfig(inState(name+".kubeconfig"), signer.pem, "default", user); err != nil {
			return err
		}
	}
	if err := makeServerKeys(signer); err != nil {
		return err
	}
	if err := giveToCaller(adminKubeconfig); err != nil {
		return err
	}
	return writeFile(string(signer.pem), "keys", "ca.crt")
}

func makeServerKeys(signer *authority) error {
	names := []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	apiServer, err := signer.server("kube-apiserver", names, nodeAddress, apiService, "127.0.0.1")
	if err != nil {
		return err
	}
	kubelet, err := signer.server("kubelet", []string{nodeName}, nodeAddress)
	if err != nil {
		return err
	}
	toKubelet, err := signer.client("kube-apiserver", "system:masters")
	if err != nil {
		return err
	}
	for name, of := range map[string]identity{"apiserver": apiServer, "kubelet": kubelet, "to-kubelet": toKubelet} {
		if err := errors.Join(
			writeFile(string(of.certificate), "keys", name+".crt"),
			writeFile(string(of.key), "keys", name+".key"),
		); err != nil {
			return err
		}
	}
	tokens, err := newKey()
	if err != nil {
		return err
	}
	return writeFile(string(tokens), "keys", "service-accounts.key")
}

func writeKubeconfig(path string, authority []byte, namespace string, user *api.AuthInfo) error {
	return clientcmd.WriteToFile(newKubeconfig(authority, namespace, user), path)
}

func newKubeconfig(authority []byte, namespace string, user *api.AuthInfo) api.Config {
	const name = "launchpad-cluster"
	config := *api.NewConfig()
	config.Clusters[name] = &api.Cluster{Server: apiEndpoint, CertificateAuthorityData: authority}
	config.AuthInfos[name] = user
	config.Contexts[name] = &api.Context{Cluster: name, AuthInfo: name, Namespace: namespace}
	config.CurrentContext = name
	return config
}

// The person who ran sudo is the one who will read the administrator's kubeconfig.
func giveToCaller(path string) error {
	uid, err := strconv.Atoi(os.Getenv("SUDO_UID"))
	if err != nil {
		return nil
	}
	return os.Chown(path, uid, -1)
}

func connect() (*kubernetes.Clientset, error) {
	settings, err := clientcmd.BuildConfigFromFlags("", adminKubeconfig)
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(settings)
}

// printCredentials prints a kubeconfig that may do what this service account may, and nothing more.
func printCredentials(ctx context.Context, arguments []string) error {
	if len(arguments) != 2 {
		return errors.New("credentials wants a namespace and the name of a service account in it")
	}
	namespace, account := arguments[0], arguments[1]
	client, err := connect()
	if err != nil {
		return err
	}
	life := int64(tokenLife)
	request := &authentication.TokenRequest{Spec: authentication.TokenRequestSpec{ExpirationSeconds: &life}}
	token, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, account, request, meta.CreateOptions{})
	if err != nil {
		return err
	}
	signer, err := os.ReadFile(inState("keys", "ca.crt"))
	if err != nil {
		return err
	}
	text, err := clientcmd.Write(newKubeconfig(signer, namespace, &api.AuthInfo{Token: token.Status.Token}))
	if err != nil {
		return err
	}
	_, err = fmt.Print(string(text))
	return err
}
