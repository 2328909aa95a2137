# shellcheck shell=sh
# Part of the host program, and of the comparison of a host with its delivery: what is unpacked from an archive.

# has_content_of: what is stored has the content of the archive, or of its member; always true for a single file.
has_content_of() { # ARCHIVE TARGET MEMBER
    case $3 in
    '') ;;
    # The installation sets owners, modes and times.
    '*') ! tar -d -f "$1" -C "$2" 2>&1 | grep -q -E '(Contents differ|(Size|Symlink|File type) differs|No such file or directory)$' ;;
    *) [ "$(tar -x -O -f "$1" "$3" | sha256sum)" = "$(sum "$2")" ] ;;
    esac
}
