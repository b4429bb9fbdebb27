import type { InputIssue } from "../../errors.ts";
import { parseReference } from "../../oci/reference.ts";
import type { BuildRequest } from "./request.ts";

/**
 * What is wrong with texts of a request that are read much later, when the builder is there: a
 * person should not wait for that. Throws `INVALID_REFERENCE`.
 */
export function textIssues(request: BuildRequest): readonly InputIssue[] {
  const { runImage, lifecycleImage } = request;
  if (runImage !== undefined) parseReference(runImage, "--run-image");
  if (lifecycleImage !== undefined) parseReference(lifecycleImage, "--lifecycle-image");
  return [...emptyBuildpacks(request), ...wordIssues(request), ...mirrorIssues(request)];
}

function emptyBuildpacks(request: BuildRequest): readonly InputIssue[] {
  const options = [
    ["--buildpack", request.buildpacks],
    ["--pre-buildpack", request.preBuildpacks],
    ["--post-buildpack", request.postBuildpacks],
    ["--extension", request.extensions],
  ] as const;
  return options.flatMap(([source, values = []]) =>
    values.some((value) => value.trim() === "")
      ? [{ source, path: "", expected: "an id, a path, an address or an image", got: '""' }]
      : [],
  );
}

/** Both become parts of file names in the image. */
function wordIssues({ execEnv, defaultProcess }: BuildRequest): readonly InputIssue[] {
  const options = [
    ["--exec-env", execEnv, "a word such as production or test"],
    ["--default-process", defaultProcess, "the type of a process, such as web"],
  ] as const;
  return options.flatMap(([source, value, expected]) =>
    value === undefined || /^[A-Za-z0-9._-]+$/.test(value)
      ? []
      : [{ source, path: "", expected, got: JSON.stringify(value) }],
  );
}

/** Whether it fits the stack is seen when that is read. */
function mirrorIssues({ debianMirror }: BuildRequest): readonly InputIssue[] {
  const [first = ""] = debianMirror?.trim().split(/[\s,]+/) ?? [];
  if (debianMirror === undefined || (/^https?:\/\//.test(first) && URL.canParse(first))) return [];
  return [{ source: "--mirror", path: "", expected: "an http or https address", got: JSON.stringify(first) }];
}
