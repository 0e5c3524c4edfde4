# The proxy in a network that loses, delays and damages packets, and is cut: network namespaces, a minute.
.PHONY: faults
faults: proxy
	python3 tests/faults/faults.py --proxy $(CURDIR)/proxy
