# Every target is a script or one command; run `make help` for the list.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build test test-all demo bench kernels format lint sizes

SWIFT_FOLDERS := $(wildcard Sources Tests Examples/*/Sources)
PREPARED ?= .build/prepared
CASES ?= $(sort $(wildcard $(PREPARED)/onnx/*/ $(PREPARED)/real/*/))
THREADS ?= 1,2
ROUNDS ?= 9
OUT ?= Benchmarks/Results/latest.md

help: ## This list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s '|'

setup: ## Install what Debian packages provide (LLVM)
	@Scripts/setup

build: setup ## Build the library and the command, optimised
	swift build -c release

test: ## Build optimised and run the tests (the cases of ../shared too, where that folder exists)
	@Scripts/test

test-all: ## The same with every network and the long tests
	@Scripts/test --all

demo: ## Run two real models: what kind of file is this, and where does somebody speak?
	@Scripts/demo

bench: build ## Compare with ONNX Runtime and OpenVINO (CASES=, THREADS=, ROUNDS=, OUT=)
	@Scripts/setup --python
	Benchmarks/compare $(CASES) --threads $(THREADS) --rounds $(ROUNDS) --out $(OUT)

kernels: build ## Share of the machine's peak of single products and convolutions
	@Scripts/setup --python
	Benchmarks/kernels.py

format: ## Format the Swift sources in place
	swift format --in-place --parallel --recursive $(SWIFT_FOLDERS)

lint: ## Check the formatting
	swift format lint --strict --parallel --recursive $(SWIFT_FOLDERS)

sizes: ## Lines per file and function
	@Scripts/sizes
