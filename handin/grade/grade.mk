# The grader: its lint, and the packages for Gradescope and Autolab. docs/grading.md says how to install them.

# The points and the lab that the packages grade with.
GRADE ?= -b 20 -c 75 -m 2 epoll

.PHONY: lint-driver
lint-driver:
	pylint --max-line-length=140 --score=n driver.py tests/driver_test.py
	mypy --strict --python-version 3.9 driver.py tests/driver_test.py
	python3 -m compileall -q driver.py

.PHONY: gradescope
gradescope:
	sh handin/grade/pack.sh gradescope '$(GRADE)'

.PHONY: autolab
autolab:
	sh handin/grade/pack.sh autolab '$(GRADE)'
