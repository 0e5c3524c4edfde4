# The model of the machine, checked by spin (tests/model/README.md).

.PHONY: model
model:
	python3 tests/model/transitions.py
	python3 tests/model/run.py
