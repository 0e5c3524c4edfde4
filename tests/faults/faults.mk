# The proxy in a network that loses, delays and damages packets, and is cut: network namespaces, half a minute.
.PHONY: faults
faults: proxy
	python3 tests/faults/faults.py --proxy $(CURDIR)/proxy
