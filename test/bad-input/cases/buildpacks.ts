import { type BadInput, imageRows, indexRow, insecureRows, nameRows, type Row, rows } from "../bad-input.ts";

const refused = "INVALID_ARGUMENTS";

/** What is wrong with the options of commands that work on buildpacks, builders and stacks. */
export const buildpackCases: Readonly<Record<string, readonly BadInput[]>> = {
  "builder create": rows(
    ...nameRows(["--config", "builder.toml"]),
    ...imageRows("--tag", ["b", "--config", "builder.toml"]),
    ...insecureRows(["b", "--config", "builder.toml"]),
    ["--config", "missing", ["b"], "usage", "--config <file>"],
    ["--config", "not there", ["b", "--config", "no.toml"], "FILE_NOT_FOUND", "no.toml"],
    ["--config", "a syntax error", ["b", "--config", "broken.toml"], "INVALID_TOML", /broken\.toml:\d+:\d+/],
    ["--config", "no builder", ["b", "--config", "project.toml"], "INVALID_BUILDER", "expected"],
    ["--label", "no name", ["b", "--config", "builder.toml", "-l", "=x"], refused, /--label .*expected NAME=VALUE/],
    ["--target", "no platform", ["b", "--config", "builder.toml", "-t", "amd64"], refused, "--target"],
    ["--mirror", "no address", ["b", "--config", "builder.toml", "--mirror", "mirror"], refused, "--mirror"],
    indexRow("--buildpack-registry", ["b", "--config", "builder.toml"]),
  ),
  "builder inspect": rows(
    ...nameRows(),
    ...insecureRows(["hello"]),
    ["<image>", "not there", ["REGISTRY/no/builder"], "BUILDER_NOT_FOUND", "no/builder"],
    ["<image>", "no builder", ["hello"], "INVALID_BUILDER", "hello"],
    ["--depth", "no number", ["hello", "--depth", "deep"], refused, "--depth"],
  ),
  "buildpack new": rows(
    ["<id>", "reserved", ["app"], refused, "<id>"],
    ["<id>", "with a blank", ["my new"], refused, "expected"],
    ["--api", "no version", ["my/new", "--api", "ten"], "BUILDPACK_API_UNSUPPORTED", "ten"],
    ["--api", "a version that nobody has", ["my/new", "--api", "9.9"], "BUILDPACK_API_UNSUPPORTED", "9.9"],
    ["--path", "there, with something in it", ["my/new", "--path", "app"], refused, "app"],
    ["--path", "a file", ["my/new", "--path", "file.txt"], refused, "file.txt"],
    ["--targets", "no platform", ["my/new", "--targets", "amd64"], refused, "--targets"],
    ["--version", "no version", ["my/new", "--version", "1/0"], refused, "--version"],
  ),
  "buildpack package": packageRows("buildpack"),
  "extension package": packageRows("extension"),
  "buildpack inspect": inspectRows("buildpack"),
  "extension inspect": inspectRows("extension"),
  "buildpack pull": rows(
    ...insecureRows(["REGISTRY/no/bp"]),
    ["<uri>", "not there", ["REGISTRY/no/bp"], "IMAGE_NOT_FOUND", "no/bp"],
    ["<uri>", "upper case", ["docker://REGISTRY/Bp"], "INVALID_REFERENCE", /lower/i],
    ["<uri>", "an address", ["https://REGISTRY/bp.tgz"], refused, "expected an image"],
    ["<uri>", "what no registry can have", ["urn:cnb:registry:Ruby"], refused, "NAMESPACE/NAME"],
    indexRow("--buildpack-registry", ["a/b@1"]),
  ),
  "buildpack register": rows(
    ...nameRows(),
    ...insecureRows(["REGISTRY/no/bp"]),
    ["<image>", "not there", ["REGISTRY/no/bp"], "IMAGE_NOT_FOUND", "hint: "],
    indexRow("--buildpack-registry", ["REGISTRY/no/bp"]),
  ),
  "buildpack yank": rows(
    ["<buildpack>", "without a version", ["a/b"], refused, "NAMESPACE/NAME@VERSION"],
    ["<buildpack>", "what no registry can have", ["b@1"], refused, "NAMESPACE/NAME@VERSION"],
    indexRow("--buildpack-registry", ["a/b@1"]),
  ),
  "stack create": rows(...stackRows(), ...stackImageRows(), [
    "--lock",
    "of something else",
    ["--lock", "file.txt"],
    "INVALID_JSON",
    "file.txt",
  ]),
  "stack lock": rows(...stackRows(), [
    "--output",
    "where nothing can be fetched",
    ["--output", "new.lock"],
    "DOWNLOAD_FAILED",
    "hint: ",
  ]),
  "stack diff": rows(
    ...stackRows(),
    ["[stack]", "without a lock", ["bookworm"], "FILE_NOT_FOUND", "tspack stack lock"],
    ["--lock", "not there", ["--lock", "no.lock"], "FILE_NOT_FOUND", "no.lock"],
    ["--lock", "of something else", ["--lock", "file.txt"], "INVALID_JSON", "file.txt"],
  ),
  "stack update": rows(
    ...stackRows(),
    ...stackImageRows(),
    ["[images...]", "upper case", ["bookworm", "Hello"], "INVALID_REFERENCE", /lower/i],
    ["--lock", "of something else", ["--lock", "file.txt"], "INVALID_JSON", "file.txt"],
  ),
};

function stackRows(): readonly Row[] {
  return [
    ...insecureRows([]),
    ["[stack]", "unknown", ["sid"], "FILE_NOT_FOUND", /"sid".*bookworm, bookworm-slim, trixie/],
    ["[stack]", "a file that is not there", ["no/stack.toml"], "FILE_NOT_FOUND", "no/stack.toml"],
    ["[stack]", "a syntax error", ["./broken.toml"], "INVALID_TOML", /broken\.toml:\d+:\d+/],
    ["--mirror", "no address", ["--mirror", "mirror"], refused, "--mirror"],
  ];
}

function stackImageRows(): readonly Row[] {
  return [
    ...imageRows("--run", []),
    ...imageRows("--build", []),
    ["--publish", "without names", ["--publish"], refused, "--run IMAGE"],
  ];
}

function packageRows(kind: "buildpack" | "extension"): readonly BadInput[] {
  const good = ["p", "--path", kind === "buildpack" ? "bp" : "ext"];
  const table: readonly Row[] = [
    ["<name>", "upper case", ["Package", ...good.slice(1)], "INVALID_REFERENCE", /lower/i],
    ...imageRows("--tag", good),
    ...insecureRows(good),
    ["--path", "not there", ["p", "--path", "nowhere"], "FILE_NOT_FOUND", "nowhere"],
    ["--path", `no ${kind}`, ["p", "--path", "app"], "INVALID_BUILDPACK", `${kind}.toml`],
    ["--config", "not there", ["p", "--config", "no.toml"], "FILE_NOT_FOUND", "no.toml"],
    ["--config", "a syntax error", ["p", "--config", "broken.toml"], "INVALID_TOML", /broken\.toml:\d+:\d+/],
    ["--label", "no name", [...good, "-l", "=x"], refused, /--label .*expected NAME=VALUE/],
    indexRow("--buildpack-registry", good),
    ["--target", "no platform", [...good, "-t", "amd64"], refused, "--target"],
    ["--target", "one of two is none", [...good, "-t", "linux/amd64", "-t", "arm64"], refused, "--target"],
    ["--publish", "a file", [...good, "--format", "file", "--publish"], refused, "--publish"],
    ["--tag", "a file", [...good, "--format", "file", "--tag", "x"], refused, "--tag"],
  ];
  return rows(...table);
}

function inspectRows(kind: "buildpack" | "extension"): readonly BadInput[] {
  const directory = kind === "buildpack" ? "bp" : "ext";
  return rows(
    ...insecureRows([`./${directory}`]),
    ["<name>", "not there", ["./nowhere"], "BUILDPACK_NOT_FOUND", "nowhere"],
    ["<name>", "not in its registry", ["REGISTRY/no/such"], "BUILDPACK_NOT_FOUND", "no/such"],
    ["<name>", "no package", ["docker://hello"], "INVALID_BUILDPACK", "hello"],
    ["--depth", "no number", [`./${directory}`, "--depth", "deep"], refused, "--depth"],
    indexRow("--registry", [`./${directory}`]),
  );
}
