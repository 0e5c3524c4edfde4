# `make demo`: a proxy with an origin and traffic, to be watched.

# PORT: of the proxy (a free one). SEED: of the traffic (1). MISTAKE: of docs/mistakes, as no-drain, to be built in.
.PHONY: demo
demo: $(BUILD)/proxy
ifdef MISTAKE
	@python3 tests/mistakes/build.py $(BUILD) $(MISTAKE)
endif
	@python3 demo/demo.py --proxy $(if $(MISTAKE),build/mistakes/$(MISTAKE)/proxy,$(BUILD)/proxy) --seed $(SEED) \
	  --port $(if $(filter file,$(origin PORT)),0,$(PORT))
