/// The version of this binary, as `fature --version` prints it and processes tell each other.
package let buildVersion = "0.1.0"
