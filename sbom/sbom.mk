# The software bill of materials: what the program contains and links, with versions and licences.

.PHONY: sbom
sbom: proxy
	@mkdir -p build
	python3 sbom/sbom.py proxy > build/fourstate.spdx.json
	@echo build/fourstate.spdx.json
