// Command controlplane runs a real, small Kubernetes control plane in one
// process for tests: etcd, kube-apiserver, kube-controller-manager and, on
// request, kube-scheduler, with fake nodes whose pods become Running without
// a container ever being started.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/embed"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/klog/v2"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	apiserveroptions "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	controllersoptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	scheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

// The controllers a GitOps test can see; the rest (nodes, volumes, CSR, HPA …) stay off.
const defaultControllers = "deployment-controller,replicaset-controller,statefulset-controller,daemonset-controller," +
	"job-controller,cronjob-controller,ttl-after-finished-controller,namespace-controller,garbage-collector-controller," +
	"serviceaccount-controller,serviceaccount-token-controller,clusterrole-aggregation-controller," +
	"resourcequota-controller,root-ca-certificate-publisher-controller"

// Admission plugins whose controllers or nodes do not exist here.
const disabledAdmission = "TaintNodesByCondition,DefaultTolerationSeconds,StorageObjectInUseProtection," +
	"PersistentVolumeClaimResize,DefaultStorageClass,DefaultIngressClass,RuntimeClass," +
	"CertificateApproval,CertificateSigning,CertificateSubjectRestriction"

type multi []string

func (m *multi) String() string     { return strings.Join(*m, " ") }
func (m *multi) Set(s string) error { *m = append(*m, s); return nil }

var (
	begin          = time.Now()
	flags          = flag.NewFlagSet("controlplane", flag.ExitOnError) // not the global set, to which libraries add theirs
	dir            = flags.String("dir", "", "state directory: data, certificates, kubeconfig (required)")
	certificates   = flags.Bool("certificates", false, "only write a new CA and a server certificate for 127.0.0.1 into the directory")
	owned          = flags.Bool("owned", false, "when stdin ends, because its writer has died, remove the directory and end")
	port           = flags.Int("port", 0, "port on 127.0.0.1 (0: any free one)")
	controllerList = flags.String("controller-list", defaultControllers, "controllers to run")
	withScheduler  = flags.Bool("scheduler", false, "run kube-scheduler (otherwise the fake nodes bind pods)")
	nodes          = flags.Int("nodes", 1, "fake nodes (0: pods stay Pending)")
	verbose        = flags.Bool("verbose", false, "log all that the components log, not only errors")
	apiserverArgs  multi
)

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "controlplane %7.3fs  %s\n", time.Since(begin).Seconds(), fmt.Sprintf(format, args...))
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		say("fatal: %v", err)
		os.Exit(1)
	}
}

func main() {
	flags.Var(&apiserverArgs, "apiserver-arg", "one more kube-apiserver flag (repeatable)")
	flags.Parse(os.Args[1:])
	if *dir == "" || flags.NArg() > 0 {
		flags.Usage()
		os.Exit(2)
	}
	*dir = must(filepath.Abs(*dir))
	check(os.MkdirAll(*dir, 0o700))
	pki := must(newPKI(*dir))
	if *certificates {
		return
	}
	if *owned {
		go endWithOwner()
	}
	if !*verbose {
		quiet()
	}
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged // three components configure one logger
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	listener := must(net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port)))
	address := "https://" + listener.Addr().String()
	admin := must(pki.kubeconfig("admin.kubeconfig", address, "admin"))
	socket := startEtcd()
	say("etcd is up")

	go runAPIServer(ctx, listener, socket, pki)
	admin.QPS = -1 // no limit of the client's own
	client := must(kubernetes.NewForConfig(admin))
	poll(func() error {
		_, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err
	})
	say("kube-apiserver is ready at %s", address)

	must(pki.kubeconfig("controllers.kubeconfig", address, "system:kube-controller-manager"))
	go runControllers(ctx, pki)
	if *withScheduler {
		must(pki.kubeconfig("scheduler.kubeconfig", address, "system:kube-scheduler"))
		go runScheduler(ctx, pki)
	}
	if *nodes > 0 {
		check(runFakeNodes(ctx, client, *nodes, !*withScheduler))
		say("%d fake nodes are registered", *nodes)
	}
	poll(func() error { // a pod needs its namespace's default ServiceAccount
		_, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", meta.GetOptions{})
		return err
	})
	kubeconfig := pki.file("kubeconfig") // its appearance tells that all is ready
	check(os.Rename(pki.file("admin.kubeconfig"), kubeconfig))
	say("ready: %s", kubeconfig)
	<-ctx.Done()
	say("stopped")
	os.Exit(0) // nothing here is worth a graceful end
}

// endWithOwner ends the process with the one that holds the other end of stdin, however that one dies.
func endWithOwner() {
	io.Copy(io.Discard, os.Stdin)
	os.RemoveAll(*dir)
	os.Exit(0)
}

func poll(try func() error) {
	for try() != nil {
		time.Sleep(20 * time.Millisecond)
	}
}

func startEtcd() string {
	config := embed.NewConfig()
	config.Dir = filepath.Join(*dir, "etcd")
	config.LogLevel = "error"
	config.UnsafeNoFsync = true                // the data ends with the process
	config.TickMs, config.ElectionMs = 20, 200 // one member: elected at once
	config.SnapshotCount = 2000
	// A socket in the 0700 state directory: nobody else on the machine can reach the store.
	socket := filepath.Join(*dir, "etcd.sock")
	config.ListenClientUrls = []url.URL{{Scheme: "unix", Path: socket}}
	config.ListenPeerUrls = nil
	e := must(embed.StartEtcd(config))
	select {
	case <-e.Server.ReadyNotify():
	case err := <-e.Err():
		check(err)
	}
	go func() { check(<-e.Err()) }()
	return "unix://" + socket
}

// parse sets a component's options as its own command line would.
func parse(sets cliflag.NamedFlagSets, args ...string) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	check(flags.Parse(args))
}

func runAPIServer(ctx context.Context, listener net.Listener, etcd string, pki *pki) {
	options := apiserveroptions.NewServerRunOptions()
	parse(options.Flags(), append([]string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--tls-cert-file=" + pki.file("server.crt"),
		"--tls-private-key-file=" + pki.file("server.key"),
		"--client-ca-file=" + pki.file("ca.crt"),
		"--authorization-mode=RBAC",
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-signing-key-file=" + pki.file("sa.key"),
		"--service-account-key-file=" + pki.file("sa.pub"),
		"--disable-admission-plugins=" + disabledAdmission,
		"--enable-priority-and-fairness=false", // 429 is for the tests' own proxy to answer
		"--event-ttl=10m",
		"--profiling=false",
		"--shutdown-delay-duration=0s",
	}, apiserverArgs...)...)
	options.SecureServing.Listener = listener
	options.SecureServing.BindPort = listener.Addr().(*net.TCPAddr).Port
	check(options.GenericServerRunOptions.ComponentGlobalsRegistry.Set())
	completed := must(options.Complete(ctx))
	check(utilerrors.NewAggregate(completed.Validate()))
	check(apiserver.Run(ctx, completed))
}

func runControllers(ctx context.Context, pki *pki) {
	options := must(controllersoptions.NewKubeControllerManagerOptions())
	known, off, aliases := controllers.KnownControllers(), controllers.ControllersDisabledByDefault(), controllers.ControllerAliases()
	parse(options.Flags(known, off, aliases),
		"--kubeconfig="+pki.file("controllers.kubeconfig"),
		"--controllers="+*controllerList,
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=-1",
		"--service-account-private-key-file="+pki.file("sa.key"),
		"--root-ca-file="+pki.file("ca.crt"),
	)
	config := must(options.Config(ctx, known, off, aliases))
	check(controllers.Run(ctx, config.Complete()))
}

func runScheduler(ctx context.Context, pki *pki) {
	options := scheduleroptions.NewOptions()
	parse(*options.Flags, "--kubeconfig="+pki.file("scheduler.kubeconfig"), "--leader-elect=false", "--secure-port=0")
	config, sched, err := scheduler.Setup(ctx, options)
	check(err)
	check(scheduler.Run(ctx, config, sched))
}

// quiet keeps only errors of what the components log.
func quiet() {
	flags := flag.NewFlagSet("", flag.PanicOnError)
	klog.InitFlags(flags)
	check(flags.Set("logtostderr", "false"))
	check(flags.Set("stderrthreshold", "FATAL"))
	klog.SetOutputBySeverity("INFO", io.Discard)
	klog.SetOutputBySeverity("WARNING", io.Discard)
	klog.SetOutputBySeverity("ERROR", os.Stderr)
}
