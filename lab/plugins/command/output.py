"""The output of a running command, stored by stream and in order, and sent to the log line by line."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Show = Callable[[str], Awaitable[None]]


@dataclass
class Output:
    """The output of one command. `combined` has both streams in the order of their arrival.

    `logging` is an input of the resource; it selects the streams whose lines `show` sends to the log.
    """

    logging: str | None
    show: Show
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    combined: bytearray = field(default_factory=bytearray)

    async def add(self, stream: str, data: bytes, partial: bytearray) -> None:
        """Add data of `stream` ("stdout" or "stderr"), and show its complete lines.

        `partial` contains the start of the unfinished last line of the stream, and is updated.
        """
        (self.stdout if stream == "stdout" else self.stderr).extend(data)
        self.combined.extend(data)
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
        """Return the text for the error of a failed command: `status`, the command, and its complete
        output.
        """
        return f"{status}: running {json.dumps(command, ensure_ascii=False)}:\n{text(self.combined)}"


def text(data: bytes | bytearray) -> str:
    """Decode output as UTF-8. Bytes that are not UTF-8 become replacement characters."""
    return data.decode("utf-8", "replace")
