package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// pki is a certificate authority made for one run, with everything it signed in its folder.
type pki struct {
	dir   string
	key   *ecdsa.PrivateKey
	cert  *x509.Certificate
	caPEM []byte
}

func (p *pki) file(name string) string { return filepath.Join(p.dir, name) }

func (p *pki) write(name, kind string, der []byte) ([]byte, error) {
	data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	return data, os.WriteFile(p.file(name), data, 0o600)
}

// newPKI writes ca.crt, the server's certificate and the key pair that signs ServiceAccount tokens.
func newPKI(dir string) (*pki, error) {
	p := &pki{dir: dir}
	var err error
	if p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "controlplane-ca"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := p.sign(ca, ca, p.key.Public())
	if err != nil {
		return nil, err
	}
	if p.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	if p.caPEM, err = p.write("ca.crt", "CERTIFICATE", der); err != nil {
		return nil, err
	}
	if _, _, err = p.issue("server", &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}); err != nil {
		return nil, err
	}
	key, _, err := p.newKey("sa")
	if err != nil {
		return nil, err
	}
	if der, err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
		return nil, err
	}
	_, err = p.write("sa.pub", "PUBLIC KEY", der)
	return p, err
}

func (p *pki) sign(template, parent *x509.Certificate, public crypto.PublicKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62)) // two CAs of the same name must not share one
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(30 * 24 * time.Hour)
	template.BasicConstraintsValid = true
	template.KeyUsage |= x509.KeyUsageDigitalSignature
	return x509.CreateCertificate(rand.Reader, template, parent, public, p.key)
}

func (p *pki) newKey(name string) (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	data, err := p.write(name+".key", "EC PRIVATE KEY", der)
	return key, data, err
}

// issue makes a key and a certificate for it.
func (p *pki) issue(name string, template *x509.Certificate) (certPEM, keyPEM []byte, err error) {
	key, keyPEM, err := p.newKey(name)
	if err != nil {
		return nil, nil, err
	}
	der, err := p.sign(template, p.cert, key.Public())
	if err != nil {
		return nil, nil, err
	}
	certPEM, err = p.write(name+".crt", "CERTIFICATE", der)
	return certPEM, keyPEM, err
}

// kubeconfig writes one with a client certificate of that user, who may do everything.
func (p *pki) kubeconfig(name, server, user string) (*rest.Config, error) {
	cert, key, err := p.issue("client-"+user, &x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: []string{"system:masters"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: p.caPEM}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: user}
	config.CurrentContext = "test"
	if err := clientcmd.WriteToFile(*config, p.file(name)); err != nil {
		return nil, err
	}
	return clientcmd.BuildConfigFromFlags("", p.file(name))
}
