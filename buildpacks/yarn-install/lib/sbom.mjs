// Prints a bill of materials of the packages of a lock file:
//   node sbom.mjs LOCK EXECUTION_ENVIRONMENT [APPLICATION] [cyclonedx|spdx]
import { billOfMaterials } from "./bill-of-materials.mjs";
import { packagesOf } from "./lock.mjs";

const [lock, execEnv, application = ".", format = "cyclonedx"] = process.argv.slice(2);
process.stdout.write(billOfMaterials(packagesOf(lock, execEnv, application), format));
