import { type BadInput, imageRows, insecureRows, nameRows, type Row, rows } from "../bad-input.ts";

/** What is wrong with the engine whose caches or images a command is about. */
function engineRows(args: readonly string[] = []): readonly Row[] {
  const on = (host: string): readonly string[] => [...args, "--docker-host", host];
  return [
    ["--docker-host", "no address", on("web"), "INVALID_ARGUMENTS", /--docker-host .*expected unix:/],
    ["--docker-host", "nobody there", on("unix:///nowhere"), "ENGINE_UNREACHABLE", "hint: "],
  ];
}

/** What is wrong with the options of commands that work on images. */
export const imageCases: Readonly<Record<string, readonly BadInput[]>> = {
  run: rows(
    ...nameRows(),
    ...insecureRows(["hello"]),
    ["<image>", "not there", ["REGISTRY/no/image"], "IMAGE_NOT_FOUND", "hint: "],
    ["<image>", "another architecture", ["other"], "INVALID_IMAGE", "s390x"],
    ["--env", "no name", ["-e", "=x", "hello"], "INVALID_ARGUMENTS", /--env .*expected NAME=VALUE/],
    ["--env-file", "not there", ["--env-file", "no.env", "hello"], "FILE_NOT_FOUND", "no.env"],
    ["--env-file", "a line without a name", ["--env-file", "broken.env", "hello"], "INVALID_ENV", /broken\.env:2/],
    ["--publish", "no port", ["-p", "web", "hello"], "INVALID_ARGUMENTS", /--publish .*expected ports/],
    ["--publish", "another protocol", ["-p", "53:53/udp", "hello"], "INVALID_ARGUMENTS", "/tcp: other protocols"],
    ["--publish", "a range", ["-p", "8000-8010:80", "hello"], "INVALID_ARGUMENTS", "one port"],
    ["--publish", "no address", ["-p", "localhost:80:80", "hello"], "INVALID_ARGUMENTS", "an IP address"],
    ["--publish", "twice", ["-p", "9:1024", "-p", "9:1025", "hello"], "INVALID_ARGUMENTS", "once"],
    ["--publish", "without a network", ["-p", "80", "--network", "none", "hello"], "INVALID_ARGUMENTS", "--network"],
    ["--volume", "no target", ["-v", "data", "hello"], "INVALID_ARGUMENTS", /--volume .*expected HOST:TARGET/],
    ["--volume", "an engine's option", ["-v", "data:/data:z", "hello"], "INVALID_ARGUMENTS", /HOST:TARGET:ro/],
    ["--volume", "over /proc", ["-v", "data:/proc/x", "hello"], "INVALID_ARGUMENTS", "the sandbox fills"],
    ["--volume", "not there", ["-v", "./no:/data", "hello"], "INVALID_ARGUMENTS", "that is there"],
    ["--user", "no group after the colon", ["-u", "1000:", "hello"], "INVALID_ARGUMENTS", /--user .*USER:GROUP/],
    ["--tty", "without a terminal", ["-t", "hello"], "INVALID_ARGUMENTS", /--tty .*terminal/],
    ["--name", "any", ["--name", "web", "hello"], "INVALID_ARGUMENTS", /--name .*no name/],
    ["--detach", "given", ["-d", "hello"], "INVALID_ARGUMENTS", /--detach .*background/],
    ["--workdir", "relative", ["-w", "a", "hello"], "INVALID_ARGUMENTS", "--workdir"],
    ["--entrypoint", "empty", ["--entrypoint", "", "hello"], "INVALID_ARGUMENTS", "--entrypoint"],
  ),
  rebase: rows(
    ...nameRows(),
    ...imageRows("--run-image", ["hello"]),
    ...imageRows("--previous-image", ["hello"]),
    ...insecureRows(["hello"]),
    ["<image>", "not there", ["REGISTRY/no/image"], "REBASE_FAILED", "hint: "],
    ["<image>", "a layout that is not there", ["oci:nowhere"], "REBASE_FAILED", "nowhere"],
    ["<image>", "an archive that is not there", ["oci-archive:no.tar"], "FILE_NOT_FOUND", "no.tar"],
    ["<image>", "no image of a lifecycle", ["run"], "REBASE_FAILED", "hint: "],
    ["--run-image", "not there", ["hello", "--run-image", "REGISTRY/no/base"], "IMAGE_NOT_FOUND", "no/base"],
    ["--run-image", "another architecture", ["hello", "--run-image", "other"], "NOT_REBASABLE", "s390x"],
    ["--output", "beside --publish", ["hello", "--publish", "--output", "local"], "INVALID_ARGUMENTS", "--publish"],
    [
      "--previous-image",
      "for several",
      ["hello", "two", "--previous-image", "x"],
      "INVALID_ARGUMENTS",
      "--previous-image",
    ],
    ["--report-output-dir", "a file", ["hello", "--report-output-dir", "file.txt"], "INVALID_ARGUMENTS", "file.txt"],
    ["--output", "an engine that is down", ["hello", "--output", "engine"], "ENGINE_UNREACHABLE", "hint: "],
  ),
  inspect: rows(...nameRows(), ...insecureRows(["hello"]), [
    "<image>",
    "not there",
    ["REGISTRY/no/image"],
    "IMAGE_NOT_FOUND",
    "hint: ",
  ]),
  "images list": rows(...insecureRows([]), ...engineRows()),
  "images rm": rows(
    ...nameRows(),
    ...insecureRows(["hello"]),
    ["<image>", "not there", ["REGISTRY/no/image"], "IMAGE_NOT_FOUND", "hint: "],
    ["<image>", "one of two is wrong", ["hello", "Other"], "INVALID_REFERENCE", "Other"],
    ...engineRows(["hello"]),
  ),
  "images prune": rows(
    ...insecureRows([]),
    ["--older-than", "no time", ["--older-than", "long"], "INVALID_ARGUMENTS", /--older-than .*expected/],
    ["--older-than", "negative", ["--older-than=-1h"], "INVALID_ARGUMENTS", /--older-than .*expected/],
  ),
  "images export": rows(
    ...nameRows(["--output", "x.tar"]),
    ...insecureRows(["hello", "--output", "x.tar"]),
    ["<image>", "not there", ["nothing-here", "--output", "x.tar"], "IMAGE_NOT_FOUND", "hint: "],
    ["<image>", "names of two images", ["hello", "run", "--output", "x.tar"], "INVALID_ARGUMENTS", "hint: "],
    ["--output", "missing", ["hello"], "usage", "--output <file>"],
    ["--output", "a directory", ["hello", "-o", "app"], "INVALID_ARGUMENTS", "app"],
  ),
  "images import": rows(
    ...insecureRows(["file.txt"]),
    ["<file>", "not there", ["no.tar"], "FILE_NOT_FOUND", "no.tar"],
    ["<file>", "no archive", ["file.txt"], "INVALID_TAR", "file.txt"],
    ["<file>", "standard input without anything", ["-"], "INVALID_ARGUMENTS", "docker save"],
    ["<image>", "upper case", ["file.txt", "Hello"], "INVALID_REFERENCE", /lower/i],
  ),
  "images push": rows(
    ...nameRows(),
    ...insecureRows(["hello", "REGISTRY/hello"]),
    ["<image>", "not there", ["nothing-here", "REGISTRY/x"], "IMAGE_NOT_FOUND", "hint: "],
    ["<image>", "a target in upper case", ["hello", "REGISTRY/Hello"], "INVALID_REFERENCE", /lower/i],
  ),
  "images pull": rows(
    ...nameRows(),
    ...insecureRows(["REGISTRY/x"]),
    ["<image>", "not there", ["REGISTRY/no/image"], "IMAGE_NOT_FOUND", "no/image"],
    ["--platform", "no platform", ["REGISTRY/x", "--platform", "amd64"], "INVALID_ARGUMENTS", "--platform"],
  ),
  "cache list": rows(...insecureRows([]), ...engineRows()),
  "cache prune": rows(
    ...insecureRows([]),
    ...engineRows(),
    ["--older-than", "no time", ["--older-than", "long"], "INVALID_ARGUMENTS", /--older-than .*expected/],
    ["--older-than", "beside --all", ["--all", "--older-than", "1d"], "INVALID_ARGUMENTS", "--all"],
    ["--max-blobs", "no size", ["--max-blobs", "much"], "INVALID_ARGUMENTS", /--max-blobs .*expected/],
  ),
};
