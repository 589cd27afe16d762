"""One of the processes of a run in tests; ``torch.distributed.run`` starts it.

Arguments: a folder. Every process does the same; what they have to say lies in the folder.
"""

import dataclasses
import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path

from tiny_runs import prompted_config, run, team_configs, tiny_config, tiny_data

from langlift.cli import train as cli
from langlift.errors import InputError
from langlift.training import loop
from langlift.training.distributed import open_team


def main(folder):
    rank = int(os.environ["RANK"])
    said = folder / f"said-{rank}.txt"

    def say(text):
        with said.open("a") as file:
            file.write(f"{text}\n")

    def refused(out, config):
        try:
            run(out, config, tiny_data(0), team=team)
        except InputError as error:
            say(error)

    try:
        with open_team("cpu") as team:
            for name, (method, config) in team_configs().items():
                run(folder / name, config, team=team, method=method)
            os.environ["LANGLIFT_MINILM"] = str(folder / "words")
            seldom = dataclasses.replace(
                prompted_config(text="minilm", text_every=2), steps=4, validate_every=0
            )
            run(folder / "seldom", seldom, team=team, method="mixste+apm")
            method, config = team_configs()["attention"]
            result = run(folder / "stop", config, stopping(team), team=team, method=method)
            say(f"stopped at {result['step']}")
            run(folder / "stop", config, resume=True, team=team, method=method)
            refused(folder / "odd", tiny_config(accumulate=1))
            refused(folder / "stop", config)  # only the leader sees that there is a run
            command(team, folder / "command")
            run(folder / "crash", config, failing(team), team=team, method=method)
    except InputError as error:
        say(error)
        sys.exit(2)


def command(team, out):
    """``langlift train`` by every process, which opens the team that is open already."""
    cli.open_team = lambda device: nullcontext(team)
    options = "--data synthetic --synthetic-clips 4 --steps 4 --batch 4 --frames 9 --log-every 1"
    options += " --model.frames 9 --model.channels 8 --model.depth 1 --precision fp32 --threads 1"
    options += " --validation-clips 1 --accumulate 2 --device cpu --out"
    cli.run(["mixste", *options.split(), str(out)])
    cli.run(["mixste", *options.split(), str(out), "--dry-run"])


def stopping(team):
    """Data; the second process is sent SIGTERM while it makes the seventh step."""
    return disturbed(team, 6, lambda: os.kill(os.getpid(), signal.SIGTERM))


def failing(team):
    """Data; the second process ends without a word while it makes the third step."""
    return disturbed(team, 2, lambda: os._exit(1))


def disturbed(team, step, what):
    """What is given to `run`, after arranging that the second process does that at a step."""
    original = loop.run_step

    def run_step(network, optimizer, batch, config, at, shared):
        if team.rank == 1 and at == step:
            what()
            loop.run_step = original
        return original(network, optimizer, batch, config, at, shared)

    loop.run_step = run_step
    return tiny_data()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
