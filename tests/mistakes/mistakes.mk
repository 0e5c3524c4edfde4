# Mistakes to watch (docs/mistakes).

# NAME: one of them, as no-drain; without it, lists them. Only what the mistake changes is compiled.
.PHONY: mistake
ifdef NAME
mistake: $(BUILD)/proxy
	python3 tests/mistakes/build.py $(BUILD) $(NAME)
else
mistake:
	@python3 tests/mistakes/build.py
endif
