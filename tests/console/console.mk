# The board's page: its libraries, its tests in Chromium, and its pictures.

# Fetches the libraries of src/console/web/vendor again, with npm.
.PHONY: vendor
vendor:
	node tests/console/vendor.mjs

.PHONY: board-tests
board-tests:
	python3 tests/console/run.py

# Takes the pictures of the documents again; needs pngquant.
.PHONY: pictures
pictures: $(BUILD)/proxy
	python3 tests/mistakes/build.py $(BUILD) no-drain
	PROXY=$(BUILD)/proxy node tests/console/pictures.mjs

# What the board costs with 10,000 slots; takes two minutes, in which nothing else should run.
.PHONY: measure-board
measure-board: $(BUILD)/proxy
	PROXY=$(BUILD)/proxy node tests/console/measure.mjs
