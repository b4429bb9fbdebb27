/** An error case that ends otherwise with us, on purpose: what ours is instead. */
export interface KnownError {
  readonly reason: string;
  readonly exitCode?: number;
  /** Lines of ours instead of the recorded ones; one that ends in `…` is the beginning of a line. */
  readonly stdout: string;
  readonly stderr?: string;
}

const clientWords = "the recorded words are those of another registry client; ours say the same";
const planFirst = "export plans everything before it says what it adds, so a plan that fails announces nothing";
const noRetries = "what is not there is not asked for six times";
const notAPanic = "the reference crashes";

/** Error cases where we differ on purpose (DESIGN §11). */
export const knownErrors: Readonly<Record<string, KnownError>> = {
  "unknown-flag": usage("flag provided but not defined: -nope"),
  "flag-of-a-later-api": usage("flag provided but not defined: -layout"),
  "flag-bad-value": usage('invalid value "x" for flag -uid: parse error'),
  "analyze-denied": {
    reason: clientWords,
    stdout:
      "ERROR: failed to initialize analyzer: validating registry read access: failed to ensure registry read access to denied.localhost/apps/x: …",
  },
  "analyze-bad-registry-auth": {
    reason: "the recorded words are those of another JSON parser; ours name the variable, line and column",
    stdout: "ERROR: failed to resolve keychain: reading auth env var: failed to parse CNB_REGISTRY_AUTH value: …",
  },
  "analyze-user-id-not-a-number": {
    reason: "a bad CNB_USER_ID is an error, not 0",
    exitCode: 3,
    stdout: "\u001B[31;1mERROR: \u001B[0mthe environment has values that can not be used\n  env CNB_USER_ID  …",
  },
  "export-no-analyzed": missingRunImage(),
  "export-no-run-image-in-analyzed": missingRunImage(),
  "export-run-image-missing": {
    reason: noRetries,
    stdout: "ERROR: failed to create new app image: run image registry.localhost/run/absent@sha256:…",
  },
  "create-run-image-missing": {
    reason: noRetries,
    stdout:
      "===> EXPORTING\nERROR: failed to create new app image: run image registry.localhost/run/absent:v1 was not found",
  },
  "export-no-metadata": {
    reason: "metadata.toml is read before the layers directory is touched",
    stdout:
      "ERROR: failed to export: read build metadata: failed to read build metadata file: open /layers/config/metadata.toml: no such file or directory",
  },
  "export-no-launcher": {
    reason: planFirst,
    stdout:
      "ERROR: failed to export: creating launcher layers: failed to stat launcher at path '/none/launcher': stat /none/launcher: no such file or directory",
  },
  "export-process-type-slash": badType("a/b"),
  "export-process-type-greater": badType("a>b"),
  "export-process-type-colon": badType("a:b"),
  "export-default-process-unknown": {
    reason: planFirst,
    stdout: "ERROR: failed to export: determining entrypoint: tried to set ghost to default but it doesn't exist",
  },
  "export-denied": {
    reason: clientWords,
    stdout:
      "Saving denied.localhost/apps/x...\nERROR: failed to export: failed to write image to the following tags: [denied.localhost/apps/x: …",
  },
};

function usage(complaint: string): KnownError {
  return { reason: "the list of flags is our own", stdout: "", stderr: `${complaint}\nUsage of …` };
}

function missingRunImage(): KnownError {
  return {
    reason: notAPanic,
    exitCode: 3,
    stdout: "ERROR: failed to resolve inputs: missing run image in analyzed.toml",
    stderr: "",
  };
}

function badType(type: string): KnownError {
  return {
    reason: planFirst,
    stdout: `ERROR: failed to export: creating layer '': invalid process type '${type}': type may not contain characters '/><:|&\\'`,
  };
}
