import type { PlatformFeatures } from "../../cnb/api/platform.ts";
import type { RunImageForExport } from "../../cnb/files/run-toml.ts";
import { InputError, TspackError } from "../../errors.ts";
import { type ImageRef, parseReference } from "../../oci/reference.ts";
import type { AccessCheck } from "../../stores/store.ts";

/** What the run image is chosen from. Platform specification, analyzer, "run image". */
export interface RunImageChoice {
  readonly features: PlatformFeatures;
  /** `-run-image`. */
  readonly given: string | undefined;
  /** The first image of `run.toml` (`stack.toml` below Platform API 0.12) with its mirrors. */
  readonly declared: RunImageForExport | undefined;
  /** Where the app image goes: a mirror in the same registry is preferred. */
  readonly output: ImageRef;
}

/**
 * The run image: the given one, else the first of the declared one and its mirrors that can be
 * read, those in the registry of the output first. `access` is absent when images are not in a
 * registry; then all can be read. Throws `INVALID_ARGUMENTS`, `INVALID_REFERENCE`.
 */
export async function selectRunImage(choice: RunImageChoice, access: AccessCheck | undefined): Promise<ImageRef> {
  if (choice.given !== undefined && choice.given !== "") return reference(choice.given, "-run-image");
  if (choice.declared === undefined || choice.declared.image === "") throw nothingDeclared(choice.features);
  const names = [choice.declared.image, ...choice.declared.mirrors];
  const refs = names.map((name) => reference(name, choice.features.runToml ? "run.toml" : "stack.toml"));
  const near = refs.filter((ref) => ref.registry === choice.output.registry);
  const reasons: string[] = [];
  for (const ref of new Set([...near, ...refs])) {
    const reason = await whyUnreadable(ref, access);
    if (reason === undefined) return ref;
    reasons.push(`${ref.original}: ${reason}`);
  }
  throw new TspackError("INVALID_ARGUMENTS", "failed to resolve inputs: failed to find accessible run image", {
    cause: new Error(reasons.join("; ")),
    hint: "name one that can be read with -run-image, or log in to its registry",
  });
}

function reference(name: string, source: string): ImageRef {
  try {
    return parseReference(name, source);
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    throw new InputError(cause.code, `failed to resolve inputs: ${cause.message}`, cause.issues, { hint: cause.hint });
  }
}

function nothingDeclared({ runToml }: PlatformFeatures): TspackError {
  return new TspackError(
    "INVALID_ARGUMENTS",
    runToml
      ? "failed to resolve inputs: -run-image is required when there is no run metadata available"
      : "failed to resolve inputs: missing run image metadata (-run-image)",
    { hint: `give -run-image, or a builder whose ${runToml ? "run.toml" : "stack.toml"} names one` },
  );
}

async function whyUnreadable(ref: ImageRef, access: AccessCheck | undefined): Promise<string | undefined> {
  try {
    await access?.checkAccess(ref, "read");
    return undefined;
  } catch (error) {
    if (!(error instanceof TspackError) || error.code === "CANCELED") throw error;
    return error.message;
  }
}
