import { type BadInput, indexRow, imageRows, insecureRows, nameRows, type Row, rows } from "../bad-input.ts";

/** Gets as far as the builder, which is not there. */
const noBuilder = ["--builder", "REGISTRY/no/builder"] as const;
const hello = ["hello", "--path", "app", ...noBuilder] as const;
const refused = "INVALID_ARGUMENTS";

/** What is wrong with the options of `tspack build`. */
export const buildCases: readonly BadInput[] = rows(
  ...nameRows(),
  ...sourceRows(),
  ...buildpackRows(),
  ...imageOptionRows(),
  ...cacheRows(),
  ...machineRows(),
  ...insecureRows([...hello]),
);

function sourceRows(): readonly Row[] {
  return [
    [
      "--path",
      "a directory that is not there",
      ["hello", "--path", "nowhere", ...noBuilder],
      "FILE_NOT_FOUND",
      "--path",
    ],
    [
      "--path",
      "a file that is no archive",
      ["hello", "--path", "file.txt", ...noBuilder],
      "INVALID_APPLICATION",
      "file.txt",
    ],
    ["--path", "standard input without anything", ["hello", "--path", "-", ...noBuilder], refused, "--path"],
    ["--path", "a repository without a host", ["hello", "--path", "git+https://", ...noBuilder], refused, "--path"],
    ["--descriptor", "not there", [...hello, "-d", "no.toml"], "FILE_NOT_FOUND", "no.toml"],
    ["--descriptor", "a syntax error", [...hello, "-d", "broken.toml"], "INVALID_TOML", /broken\.toml:\d+:\d+/],
    ["--env", "no name", [...hello, "--env", "=x"], refused, /--env .*expected NAME=VALUE/],
    ["--env", "a variable that is not set", [...hello, "-e", "NOT_SET_ANYWHERE"], refused, "NOT_SET_ANYWHERE"],
    ["--env", "several", [...hello, "-e", "=x", "-e", ""], refused, /--env .*\n.*--env /],
    ["--env-file", "not there", [...hello, "--env-file", "no.env"], "FILE_NOT_FOUND", "no.env"],
    ["--env-file", "a line without a name", [...hello, "--env-file", "broken.env"], "INVALID_ENV", /broken\.env:2/],
    ["--exec-env", "with a slash", [...hello, "--exec-env", "a/b"], refused, "--exec-env"],
    ["--exec-env", "empty", [...hello, "--exec-env", ""], refused, "--exec-env"],
    ["--default-process", "empty", [...hello, "--default-process", ""], refused, "--default-process"],
    ["--workspace", "a directory of the system", [...hello, "--workspace", "/usr/app"], refused, "--workspace"],
    ["--workspace", "above itself", [...hello, "--workspace", "/a/../etc"], refused, "--workspace"],
    ["--workspace", "in place", [...hello, "--workspace", "/a", "--runner", "in-place"], refused, "--workspace"],
  ];
}

function buildpackRows(): readonly Row[] {
  const here = [...hello, "--builder", "builder"];
  return [
    ...imageRows("--builder", hello),
    ["--builder", "not in its registry", [...hello], "BUILDER_NOT_FOUND", "hint: "],
    ["--builder", "a layout that is not there", [...hello, "-B", "oci:no"], "BUILDER_NOT_FOUND", "hint: "],
    ["--builder", "a file that is not there", [...hello, "-B", "no/builder.toml"], "BUILDER_NOT_FOUND", "builder.toml"],
    ["--builder", "an image that is none", [...hello, "-B", "hello"], "INVALID_BUILDER", "hello"],
    ["--builder", "another architecture", [...hello, "-B", "other"], "INVALID_BUILDER", "s390x"],
    ["--buildpack", "not in the builder", [...here, "-b", "my/bpp"], "BUILDPACK_NOT_FOUND", "did you mean my/bp?"],
    ["--pre-buildpack", "empty", [...here, "--pre-buildpack", ""], refused, "--pre-buildpack"],
    ["--post-buildpack", "empty", [...here, "--post-buildpack", ""], refused, "--post-buildpack"],
    ["--buildpack", "empty", [...here, "--buildpack", ""], refused, "--buildpack"],
    indexRow("--buildpack-registry", [...here, "-b", "a/b@1"]),
    ["--extension", "empty", [...here, "--extension", ""], refused, "--extension"],
    ["--lifecycle-image", "in the sandbox", [...hello, "--lifecycle-image", "x"], refused, "--lifecycle-image"],
    ["--mirror", "no address", [...hello, "--mirror", "mirror"], refused, "--mirror"],
  ];
}

function imageOptionRows(): readonly Row[] {
  const publish = ["REGISTRY/hello", "--path", "app", ...noBuilder, "--publish"];
  return [
    ...imageRows("--tag", hello),
    ...imageRows("--run-image", hello),
    ...imageRows("--previous-image", hello),
    ["--tag", "the same as the name, differently", [...hello, "--tag", "Hello:latest"], "INVALID_REFERENCE", "--tag"],
    ["--output", "no kind", [...hello, "--output", "tar"], refused, /--output .*oci-archive:FILE/],
    ["--output", "a kind without a path", [...hello, "--output", "oci:"], refused, "--output"],
    ["--output", "beside --publish", [...hello, "--publish", "--output", "local"], refused, "--output"],
    ["--output", "an engine that is down", [...hello, "--output", "engine"], "ENGINE_UNREACHABLE", "hint: "],
    ["--output", "a directory that is no layout", [...hello, "--output", "oci:app"], refused, "--output"],
    ["--output", "below a file", [...hello, "--output", "oci-archive:file.txt/x.tar"], refused, "--output"],
    [
      "--previous-image",
      "in another registry when publishing",
      [...publish, "--previous-image", "registry.example.com/hello"],
      refused,
      "--previous-image",
    ],
    ["--platform", "no platform", [...hello, "--platform", "amd64"], refused, "--platform"],
    ["--platform", "another than this machine's", [...hello, "--platform", "linux/s390x"], refused, "--runner engine"],
    ["--creation-time", "no time", [...hello, "--creation-time", "soon"], refused, "2026-01-31T12:00:00Z"],
    [
      "--creation-time",
      "a day that is none",
      [...hello, "--creation-time", "2026-02-31T25:00:00Z"],
      refused,
      "--creation-time",
    ],
    ["--uid", "no number", [...hello, "--uid", "root"], "usage", "whole number"],
    ["--uid", "too large", [...hello, "--uid", "4294967295"], refused, "--uid"],
    ["--gid", "negative", [...hello, "--gid=-1"], "usage", "whole number"],
    ["--gid", "too large", [...hello, "--gid", "4294967295"], refused, "--gid"],
    ["--compression", "no such kind", [...hello, "--compression", "lz4"], refused, "--compression"],
    ["--compression", "empty", [...hello, "--compression", ""], refused, "--compression"],
    ["--compression-level", "no number", [...hello, "--compression-level", "best"], "usage", "whole number"],
    ["--compression-level", "too much", [...hello, "--compression-level", "10"], refused, "--compression-level"],
    ["--memory", "no number", [...hello, "--memory", "1g"], "usage", "whole number"],
    ["--memory", "too little", [...hello, "--memory", "139"], refused, "--memory"],
    ["--report-output-dir", "a file", [...hello, "--report-output-dir", "file.txt"], refused, "--report-output-dir"],
    ["--sbom-output-dir", "a file", [...hello, "--sbom-output-dir", "file.txt"], refused, "--sbom-output-dir"],
  ];
}

function cacheRows(): readonly Row[] {
  return [
    ["--cache", "an unknown key", [...hello, "--cache", "kind=build"], refused, /--cache +kind/],
    ["--cache", "an unknown type", [...hello, "--cache", "type=x;name=a"], refused, "build or launch"],
    ["--cache", "an unknown format", [...hello, "--cache", "format=x;name=a"], refused, "bind, volume or image"],
    ["--cache", "no directory", [...hello, "--cache", "type=build;format=bind"], refused, "source="],
    [
      "--cache",
      "an image for launch",
      [...hello, "--cache", "type=launch;format=image;name=a"],
      refused,
      "bind or volume",
    ],
    ["--cache", "an image without --publish", [...hello, "--cache", "format=image;name=a"], refused, "--publish"],
    ["--cache-image", "without --publish", [...hello, "--cache-image", "cache"], refused, "--publish"],
    [
      "--cache-image",
      "upper case",
      ["REGISTRY/a", "--path", "app", ...noBuilder, "--publish", "--cache-image", "Cache"],
      "INVALID_REFERENCE",
      "--cache-image",
    ],
  ];
}

function machineRows(): readonly Row[] {
  const engine = [...hello, "--runner", "engine"];
  return [
    ["--network", "an engine's in the sandbox", [...hello, "--network", "some"], refused, "--runner engine"],
    ["--volume", "without a target", [...hello, "--volume", "data"], refused, "HOST:TARGET"],
    ["--volume", "over the layers", [...hello, "--volume", "data:/layers/x"], refused, "/layers"],
    ["--volume", "in place", [...hello, "--runner", "in-place", "--volume", "data:/data"], refused, "--volume"],
    ["--docker-host", "without the engine", [...hello, "--docker-host", "inherit"], refused, "--runner engine"],
    ["--runner", "an engine that is down", engine, "ENGINE_UNREACHABLE", "hint: "],
  ];
}
