import { type BadInput, insecureRows, rows } from "../bad-input.ts";

const refused = "INVALID_ARGUMENTS";

/** What is wrong with the options of `tspack manifest`. */
export const manifestCases: Readonly<Record<string, readonly BadInput[]>> = {
  "manifest create": rows(
    ...insecureRows(["list", "REGISTRY/a"]),
    ["<list>", "upper case", ["List", "REGISTRY/a"], "INVALID_REFERENCE", /lower/i],
    ["<image>", "upper case", ["list", "REGISTRY/A"], "INVALID_REFERENCE", /lower/i],
    ["<image>", "not there", ["list", "REGISTRY/no/image"], "IMAGE_NOT_FOUND", "no/image"],
    ["--insecure", "without --publish", ["list", "REGISTRY/a", "--insecure"], refused, "--publish"],
  ),
  "manifest add": rows(...insecureRows(["list", "REGISTRY/a"]), [
    "<list>",
    "unknown",
    ["REGISTRY/no/list", "REGISTRY/a"],
    "IMAGE_NOT_FOUND",
    "no/list",
  ]),
  "manifest annotate": rows(
    ...insecureRows(["list", "REGISTRY/a", "--os", "linux"]),
    ["<list>", "unknown", ["REGISTRY/no/list", "REGISTRY/a", "--os", "linux"], "IMAGE_NOT_FOUND", "no/list"],
    ["--os", "no word", ["list", "REGISTRY/a", "--os", "Linux 6"], refused, "--os"],
    ["--os", "nothing to change", ["list", "REGISTRY/a"], refused, "--os"],
    ["--arch", "no word", ["list", "REGISTRY/a", "--arch", "linux/amd64"], refused, "--arch"],
    ["--variant", "no word", ["list", "REGISTRY/a", "--variant", ""], refused, "--variant"],
    ["--annotations", "no name", ["list", "REGISTRY/a", "--annotations", "=x"], refused, /--annotations .*NAME=VALUE/],
  ),
  "manifest inspect": rows(...insecureRows(["list"]), [
    "<list>",
    "unknown",
    ["REGISTRY/no/list"],
    "IMAGE_NOT_FOUND",
    "no/list",
  ]),
  "manifest push": rows(...insecureRows(["list"]), [
    "<list>",
    "unknown",
    ["REGISTRY/no/list"],
    "IMAGE_NOT_FOUND",
    "no/list",
  ]),
  "manifest rm": rows(...insecureRows(["list"]), [
    "<list>",
    "unknown",
    ["REGISTRY/no/list"],
    "IMAGE_NOT_FOUND",
    "no/list",
  ]),
  "manifest remove": rows(...insecureRows(["list", "REGISTRY/a"]), [
    "<list>",
    "unknown",
    ["REGISTRY/no/list", "REGISTRY/a"],
    "IMAGE_NOT_FOUND",
    "no/list",
  ]),
};
