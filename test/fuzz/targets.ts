import type { FuzzTarget } from "./target.ts";
import { challengeTarget, credentialsTarget } from "./targets/credentials.ts";
import { documentsTarget } from "./targets/documents.ts";
import { launcherTarget } from "./targets/launcher.ts";
import { referenceTarget } from "./targets/reference.ts";
import { extractTarget, gzipTarget, tarTarget } from "./targets/tar.ts";
import { tomlTarget } from "./targets/toml.ts";

/** One for every parser of what others write, made when it is asked for: some read many files. */
export const fuzzTargets: Readonly<Record<string, () => FuzzTarget>> = {
  toml: tomlTarget,
  tar: tarTarget,
  "tar-extraction": extractTarget,
  gzip: gzipTarget,
  reference: referenceTarget,
  documents: documentsTarget,
  challenge: challengeTarget,
  credentials: credentialsTarget,
  launcher: launcherTarget,
};
