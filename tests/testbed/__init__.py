"""What the tests run against; tests/conftest.py has the fixtures.

controlplane  builds and runs the real API server      (control_plane, namespace)
kube          a client of it that is not the product's (kube), manifests: what to create
article       the article's repositories and cluster   (article)
git           git, apart from the user's configuration
gitops        the installed command, in pipes and on a terminal (gitops)
tcp, faults   proxies that delay, cut, hang, refuse and answer wrongly (tcp_proxy, api_proxy)
sshd          git over ssh, for tests marked `node`    (sshd)
"""
