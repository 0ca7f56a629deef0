"""Ansible module: several small files, written only where they differ, and a script after them.

One task in place of one a file: on a slow host each task costs seconds. Contents of `secrets`
are never logged nor shown in a diff. `script` prints a line for each change it makes; in check
mode `preview` runs instead of it, which must change nothing. Standard library only.
"""

import os
import tempfile

from ansible.module_utils.basic import AnsibleModule


def read(path):
    """Return the text of path, None when there is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(path, content, mode):
    """Replace path by content in one step, owned by root."""
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".slotlab-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def main():
    """Place the files and report which changed."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "dict", "required": True},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "script": {"type": "str", "required": True},
            "preview": {"type": "str", "required": True},
            "environment": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    wanted = [(path, text, 0o644) for path, text in sorted(module.params["files"].items())]
    wanted += [(path, text, 0o600) for path, text in sorted(module.params["secrets"].items())]
    changed, diffs = [], []
    try:
        for path, text, mode in wanted:
            before = read(path)
            if before == text and os.stat(path).st_mode & 0o777 == mode:
                continue
            changed.append(path)
            if module._diff and mode == 0o644:
                diffs.append({"after_header": path, "before": before or "", "after": text})
            if not module.check_mode:
                write(path, text, mode)
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}")
    script = module.params["preview" if module.check_mode else "script"]
    mode = {"MODE": "show" if module.check_mode else "apply"}
    values = {name: str(value) for name, value in module.params["environment"].items()}
    code, said, errors = module.run_command(["/bin/sh", "-c", script], environ_update=values | mode)
    if code:
        module.fail_json(msg=f"exit {code}", stdout=said, stderr=errors, paths=changed)
    module.exit_json(changed=bool(changed or said), paths=changed, diff=diffs, stdout=said)


if __name__ == "__main__":
    main()
