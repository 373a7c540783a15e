# Flows from make. Include it:   include stepwise.mk
#
#   make stepwise-<flow> [RUN_ID=ID] [START_STEP=STEP] [AGAIN=1] [WORKSPACE=DIR] [JOBS=N] [PARAMS="name=value other='two words'"]
#   make stepwise-resume RUN_ID=ID [FLOW=FLOW] [START_STEP=STEP] [JOBS=N]
#   make stepwise-retry  RUN_ID=ID STEP=STEP [FLOW=FLOW] [JOBS=N]
#   make stepwise-status [RUN_ID=ID]    make stepwise-review [ID=RUN/QUESTION] [CHOOSE=KEY] [NOTE=TEXT]
#   make stepwise-diagnose RUN_ID=ID    make stepwise-help
#
# A run that waits for a person is no error of make's. Written for GNU make 3.81 and later.

# The program, and the target that sees to it that it is there.
FLOW_STUDIO ?= flow-studio
FLOW_STUDIO_READY ?= flow-studio-on-path
export FLOW_STUDIO

# Taken as they were typed: make does not expand them, and recipes see them only as variables, so no shell does either.
override RUN_ID := $(value RUN_ID)
override START_STEP := $(value START_STEP)
override AGAIN := $(value AGAIN)
override WORKSPACE := $(value WORKSPACE)
override PARAMS := $(value PARAMS)
override FLOW := $(value FLOW)
override STEP := $(value STEP)
override JOBS := $(value JOBS)
override ID := $(value ID)
override CHOOSE := $(value CHOOSE)
override NOTE := $(value NOTE)
export RUN_ID START_STEP AGAIN WORKSPACE PARAMS FLOW STEP JOBS ID CHOOSE NOTE

# What the program tells to type begins with its name; where that is not on PATH, say what it stands for.
stepwise_called = command -v flow-studio >/dev/null 2>&1 || \
	  echo "make: where it says 'flow-studio', type $$FLOW_STUDIO, or see: make stepwise-help" >&2

.PHONY: stepwise-resume stepwise-retry stepwise-status stepwise-review stepwise-diagnose stepwise-help flow-studio-on-path stepwise-force

flow-studio-on-path:
	@command -v "$$FLOW_STUDIO" >/dev/null 2>&1 || { \
	  echo "make: '$$FLOW_STUDIO' is not on PATH; install it, or say where it is: make FLOW_STUDIO=/path/to/flow-studio" >&2; exit 1; }

# Every file in flows/: `make stepwise-build` runs flows/build.yaml. With START_STEP and the RUN_ID of a run that is there,
# the run goes on from that step. A flow that has ended in a run starts over there with AGAIN=1 only. PARAMS is split as a shell would split it, quotes included, and nothing in it is executed.
stepwise-%: $(FLOW_STUDIO_READY) stepwise-force
	@flow='$*'; set -f; \
	case "$$AGAIN:$$START_STEP" in :*|1:) ;; \
	  1:*) echo "make: AGAIN starts a flow over with its first step, START_STEP goes on from one: not both" >&2; exit 2 ;; \
	  *) echo "make: AGAIN=1, or leave it out" >&2; exit 2 ;; \
	esac; \
	if [ -n "$$RUN_ID" ] && [ -n "$$START_STEP" ] && [ -d "$${FLOW_STUDIO_RUNS:-run_base}/$$RUN_ID/frozen/$$flow" ]; then \
	  if [ -n "$$PARAMS" ]; then \
	    echo "make: run $$RUN_ID is there and keeps its parameters; to change one:" >&2; \
	    echo "      $$FLOW_STUDIO retry $$RUN_ID --step $$START_STEP --set name=value" >&2; exit 2; \
	  fi; \
	  $(stepwise_called); \
	  exec "$$FLOW_STUDIO" resume "$$RUN_ID" --flow "$$flow" --from "$$START_STEP" $${JOBS:+"--jobs=$$JOBS"} --wait-ok; \
	fi; \
	if [ -n "$$PARAMS" ]; then \
	  params=$$(printf '%s\n' "$$PARAMS" | xargs -n 1 printf -- '--param=%s\n') || { \
	    echo "make: PARAMS cannot be split into words; a quote in a value is quoted itself: name=\"O'Brien\"" >&2; exit 2; }; \
	else params=; fi; \
	$(stepwise_called); \
	IFS=$$(printf '\n_'); IFS=$${IFS%_}; \
	exec "$$FLOW_STUDIO" run "$$flow" $${RUN_ID:+"--run-id=$$RUN_ID"} $${START_STEP:+"--from=$$START_STEP"} $${AGAIN:+--again} $${WORKSPACE:+"--workspace=$$WORKSPACE"} $${JOBS:+"--jobs=$$JOBS"} $$params --wait-ok

stepwise-force:

stepwise-resume: $(FLOW_STUDIO_READY)
	@[ -n "$$RUN_ID" ] || { echo "make: which run? make stepwise-resume RUN_ID=…" >&2; "$$FLOW_STUDIO" list >&2; exit 2; }
	@$(stepwise_called); "$$FLOW_STUDIO" resume "$$RUN_ID" $${FLOW:+--flow "$$FLOW"} $${START_STEP:+--from "$$START_STEP"} $${JOBS:+"--jobs=$$JOBS"} --wait-ok

stepwise-retry: $(FLOW_STUDIO_READY)
	@[ -n "$$RUN_ID" ] && [ -n "$$STEP" ] || { echo "make: which step of which run? make stepwise-retry RUN_ID=… STEP=… [FLOW=…]" >&2; exit 2; }
	@$(stepwise_called); "$$FLOW_STUDIO" retry "$$RUN_ID" --step "$$STEP" $${FLOW:+--flow "$$FLOW"} $${JOBS:+"--jobs=$$JOBS"} --wait-ok

stepwise-status: $(FLOW_STUDIO_READY)
	@if [ -n "$$RUN_ID" ]; then "$$FLOW_STUDIO" status "$$RUN_ID"; else "$$FLOW_STUDIO" list; fi

stepwise-review: $(FLOW_STUDIO_READY)
	@if [ -z "$$ID" ]; then "$$FLOW_STUDIO" review list; \
	elif [ -z "$$CHOOSE" ]; then "$$FLOW_STUDIO" review show "$$ID"; \
	else "$$FLOW_STUDIO" review answer "$$ID" --choose "$$CHOOSE" $${NOTE:+--note "$$NOTE"}; fi

# What is wrong with a run is no error of make's; that it could not be looked at is.
stepwise-diagnose: $(FLOW_STUDIO_READY)
	@[ -n "$$RUN_ID" ] || { echo "make: which run? make stepwise-diagnose RUN_ID=…" >&2; "$$FLOW_STUDIO" list >&2; exit 2; }
	@$(stepwise_called); "$$FLOW_STUDIO" diagnose "$$RUN_ID" || case $$? in 1|4|7) ;; *) exit 1;; esac

stepwise-help: $(FLOW_STUDIO_READY)
	@echo 'make stepwise-<flow> [RUN_ID=ID] [START_STEP=STEP] [AGAIN=1] [WORKSPACE=DIR] [JOBS=N] [PARAMS="name=value …"]   with these flows:'
	@echo
	@"$$FLOW_STUDIO" flows
	@echo
	@echo 'make stepwise-resume RUN_ID=ID                 go on with a run'
	@echo 'make stepwise-retry RUN_ID=ID STEP=STEP        execute one step again, and what depends on it'
	@echo 'make stepwise-status [RUN_ID=ID]               where a run stands; without RUN_ID, all runs'
	@echo 'make stepwise-review [ID=RUN/QUESTION] [CHOOSE=KEY] [NOTE=TEXT]   the inbox, a question, an answer'
	@echo 'make stepwise-diagnose RUN_ID=ID               what is wrong with a run, where it shows, what to type next'
