"""What a running command writes: kept apart, kept together for errors, and shown line by line."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Show = Callable[[str], Awaitable[None]]


@dataclass
class Output:
    """Collects standard output and error; `logging` says which of them `show` is given."""

    logging: str | None
    show: Show
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    both: bytearray = field(default_factory=bytearray)

    async def add(self, stream: str, data: bytes, partial: bytearray) -> None:
        """Take data of `stream` ("stdout" or "stderr"); `partial` holds that stream's unfinished line."""
        (self.stdout if stream == "stdout" else self.stderr).extend(data)
        self.both.extend(data)
        if self.logging not in (None, "stdoutAndStderr", stream):
            return
        partial.extend(data)
        *lines, rest = partial.split(b"\n")
        partial[:] = rest
        for line in lines:
            await self.show(text(line))

    def results(self) -> tuple[str, str]:
        """Standard output and error, each without one newline at its end."""
        return text(self.stdout).removesuffix("\n"), text(self.stderr).removesuffix("\n")

    def failure(self, status: str, command: str) -> str:
        """The error's text: how the command ended, its own text, all that it wrote."""
        return f"{status}: running {json.dumps(command, ensure_ascii=False)}:\n{text(self.both)}"


def text(data: bytes | bytearray) -> str:
    """Decode what a command wrote; bytes that are not UTF-8 show as replacement characters."""
    return data.decode("utf-8", "replace")
