# The two commands and the daily ones. The build itself is CMakeLists.txt.
BUILD ?= build

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja: CMakeLists.txt
	@tools/setup build
	@cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release -DHOLDFAST_LTO=ON >/dev/null

demo:
	@./demo

check:
	@./check

bench:
	@tools/setup bench
	@test/bench/run

bench-%:
	@tools/setup bench
	@test/bench/run $*

fuzz:
	@tools/setup check
	@/usr/bin/python3 test/run fuzz --seconds 600

torture:
	@tools/setup check
	@/usr/bin/python3 test/run torture

install: all
	@cmake --install $(BUILD)

clean:
	rm -rf $(BUILD) build-*

.PHONY: all demo check bench fuzz torture install clean
