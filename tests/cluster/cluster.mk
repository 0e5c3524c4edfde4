# HAProxy before four proxies, in network namespaces: one is killed, one drained, one partitioned, one taken over, under load.
.PHONY: cluster
cluster: proxy
	python3 tests/cluster/cluster.py --proxy $(CURDIR)/proxy
