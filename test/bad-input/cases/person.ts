import { type BadInput, indexRow, insecureRows, nameRows, type Row, rows } from "../bad-input.ts";

const refused = "INVALID_ARGUMENTS";

/** What is wrong with the options of commands about settings, passwords and this machine. */
export const personCases: Readonly<Record<string, readonly BadInput[]>> = {
  completion: rows(
    ["[shell]", "unknown", ["tcsh"], refused, "bash"],
    ["--shell", "unknown", ["--shell", "tcsh"], refused, "bash"],
    ["--shell", "beside a word", ["zsh", "--shell", "zsh"], refused, "one of"],
    ["--shell", "neither", [], refused, "a shell"],
  ),
  "config default-builder": scalar("default-builder", "no/builder.toml"),
  "config pull-policy": scalar("pull-policy", "sometimes"),
  "config lifecycle-image": rows(["[image]", "upper case", ["Lifecycle"], "INVALID_REFERENCE", /lower/i]),
  "config runner": scalar("runner", "docker"),
  "config debian-mirror": scalar("debian-mirror", "mirror"),
  "config experimental": rows(["[value]", "neither true nor false", ["maybe"], refused, "true or false"]),
  "config run-image-mirrors add": rows(
    ["<image>", "upper case", ["Run", "-m", "mirror"], "INVALID_REFERENCE", /lower/i],
    ["--mirror", "none", ["run"], refused, "--mirror"],
    ["--mirror", "upper case", ["run", "-m", "Mirror"], "INVALID_REFERENCE", "--mirror"],
  ),
  "config run-image-mirrors set": rows(
    ["<image>", "upper case", ["Run", "-m", "mirror"], "INVALID_REFERENCE", /lower/i],
    ["--mirror", "upper case", ["run", "-m", "Mirror"], "INVALID_REFERENCE", "--mirror"],
  ),
  "config run-image-mirrors remove": rows([
    "--mirror",
    "upper case",
    ["run", "-m", "M"],
    "INVALID_REFERENCE",
    "--mirror",
  ]),
  "config registry-mirrors add": rows(
    ["<registry>", "an address", ["https://a.example.com", "-m", "b.example.com"], refused, "HOST[:PORT]"],
    ["--mirror", "an address", ["a.example.com", "-m", "https://b.example.com"], refused, "--mirror"],
    ["--mirror", "missing", ["a.example.com"], "usage", "--mirror <registry>"],
  ),
  "config trusted-builders add": rows(["<builder>", "upper case", ["Builder"], "INVALID_REFERENCE", /lower/i]),
  "config trusted-builders remove": rows([
    "<builder>",
    "the built-in one",
    ["tspack.local/builder:bookworm"],
    refused,
    "always",
  ]),
  "config registries add": rows(
    ["<id>", "with a blank", ["a b", "https://git.example.com/a"], refused, "name"],
    ["<id>", "the official one's", ["official", "https://git.example.com/a"], refused, "name"],
    ["<url>", "http", ["a", "http://git.example.com/a"], refused, "https"],
    ["<url>", "with a password", ["a", "https://ada:sesame@git.example.com/a"], refused, "credential"],
    ["<url>", "with a branch", ["a", "https://git.example.com/a#main"], refused, "without #"],
  ),
  "config registries remove": rows(["<index>", "the official one", ["official"], refused, "added"]),
  "config registries default": rows(
    ["[index]", "not known", ["theirs"], refused, "config registries list"],
    ["--unset", "beside a value", ["official", "--unset"], refused, "--unset"],
  ),
  login: rows(
    ...insecureRows(["REGISTRY", "-u", "ada", "--password-stdin"]),
    ["<registry>", "no host", ["a b", "-u", "a", "--password-stdin"], refused, "HOST"],
    ["--username", "missing", ["REGISTRY", "--password-stdin"], refused, "--username"],
    ["--username", "with a colon", ["REGISTRY", "-u", "a:b", "--password-stdin"], refused, "--username"],
    ["--password-stdin", "missing", ["REGISTRY", "-u", "ada"], refused, "--password-stdin"],
    ["--password-stdin", "nothing on standard input", ["REGISTRY", "-u", "ada", "--password-stdin"], refused, "hint: "],
    ["--password", "given", ["REGISTRY", "-u", "ada", "-p", "sesame"], refused, "--password-stdin"],
  ),
  logout: rows(["<registry>", "no host", ["a b"], refused, "HOST"]),
  doctor: rows(...insecureRows([]), [
    "--registry",
    "an address",
    ["--registry", "https://a.example.com"],
    refused,
    "--registry",
  ]),
  "sbom download": rows(
    ...nameRows(),
    ...insecureRows(["hello"]),
    ["<image>", "not there", ["REGISTRY/no/image"], "IMAGE_NOT_FOUND", "hint: "],
    ["<image>", "without bills of materials", ["hello", "-o", "sboms"], "INVALID_IMAGE", "hint: "],
    ["--output-dir", "a file", ["hello", "-o", "file.txt"], refused, "file.txt"],
  ),
  detect: rows(...detectRows()),
};

function scalar(name: string, wrong: string): readonly BadInput[] {
  return rows(
    ["[value]", "no value that it can have", [wrong], refused, `config ${name}`],
    ["--unset", "beside a value", ["--unset", wrong], refused, "--unset"],
  );
}

function detectRows(): readonly Row[] {
  const app = ["--path", "app", "--builder", "REGISTRY/no/builder"];
  return [
    ...insecureRows(app),
    ["--path", "not there", [...app, "--path", "nowhere"], "FILE_NOT_FOUND", "--path"],
    ["--descriptor", "not there", [...app, "-d", "no.toml"], "FILE_NOT_FOUND", "no.toml"],
    ["--env", "no name", [...app, "--env", "=x"], refused, /--env .*expected NAME=VALUE/],
    ["--env-file", "a line without a name", [...app, "--env-file", "broken.env"], "INVALID_ENV", /broken\.env:2/],
    ["--exec-env", "with a slash", [...app, "--exec-env", "a/b"], refused, "--exec-env"],
    indexRow("--buildpack-registry", ["--path", "app", "-B", "builder", "-b", "a/b@1"]),
    ["--builder", "not in its registry", app, "BUILDER_NOT_FOUND", "hint: "],
    ["--builder", "another architecture", [...app, "-B", "other"], "INVALID_BUILDER", "s390x"],
    [
      "--buildpack",
      "not in the builder",
      [...app, "-B", "builder", "-b", "my/bpp"],
      "BUILDPACK_NOT_FOUND",
      "did you mean my/bp?",
    ],
    ["--pre-buildpack", "empty", [...app, "--pre-buildpack", ""], refused, "--pre-buildpack"],
    ["--post-buildpack", "empty", [...app, "--post-buildpack", ""], refused, "--post-buildpack"],
    ["--extension", "empty", [...app, "--extension", ""], refused, "--extension"],
    ["--run-image", "upper case", [...app, "--run-image", "Base"], "INVALID_REFERENCE", "--run-image"],
    ["--mirror", "no address", [...app, "--mirror", "mirror"], refused, "--mirror"],
    ["--volume", "without a target", [...app, "-B", "builder", "--volume", "data"], refused, "HOST:TARGET"],
  ];
}
