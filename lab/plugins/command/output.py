"""The output of a running command, stored by stream and in order, and sent to the log line by line."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Show = Callable[[str], Awaitable[None]]


@dataclass
class Output:
    """Collector of standard output and standard error. `logging` selects the streams that `show` receives."""

    logging: str | None
    show: Show
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    both: bytearray = field(default_factory=bytearray)

    async def add(self, stream: str, data: bytes, partial: bytearray) -> None:
        """Add data of `stream` ("stdout" or "stderr"); `partial` holds the unfinished line of that stream."""
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
        """Return standard output and standard error, each without a final newline."""
        return text(self.stdout).removesuffix("\n"), text(self.stderr).removesuffix("\n")

    def failure(self, status: str, command: str) -> str:
        """Return the text of an error: exit status, command and complete output."""
        return f"{status}: running {json.dumps(command, ensure_ascii=False)}:\n{text(self.both)}"


def text(data: bytes | bytearray) -> str:
    """Decode output. Bytes that are not UTF-8 become replacement characters."""
    return data.decode("utf-8", "replace")
