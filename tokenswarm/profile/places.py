"""Where profiles, SLOs, targets and suites are looked for, by name or path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

from tokenswarm.errors import ProfileError
from tokenswarm.metrics.suggestion import did_you_mean

Kind = Literal["profile", "SLO", "target", "suite"]
_FOLDERS: Final[Mapping[Kind, str]] = {"profile": "", "SLO": "slo", "target": "targets", "suite": "suites"}
_SUFFIXES: Final = (".yaml", ".yml")


def shipped(name: str) -> Path:
    """A folder or file at the top of the repository that comes with tokenswarm.

    A wheel has it in the package. In a clone it stands at the top, where people look for it, and the
    package has a link to it, which not everything that copies files keeps.
    """
    package = Path(__file__).resolve().parents[1]
    inside = package / "shipped" / name
    return (inside if inside.exists() else package.parent / name).resolve()


@dataclass(frozen=True, slots=True)
class SearchPath:
    """Folders like `profiles/`, first come first served; paths are relative to `cwd`."""

    folders: tuple[Path, ...]
    cwd: Path

    @classmethod
    def of(cls, cwd: Path) -> Self:
        """The user's own `profiles/`, then those that come with tokenswarm."""
        return cls(tuple(dict.fromkeys((cwd / "profiles", shipped("profiles")))), cwd)

    def find(self, kind: Kind, ref: str) -> Path:
        """The file that a name or path means; ProfileError lists those that exist."""
        if "/" in ref or ref.endswith(_SUFFIXES):
            path = self.cwd / ref
            if not path.is_file():
                raise ProfileError([f"{ref}: no such {kind} file"])
            return path
        for folder in self._folders(kind):
            for suffix in _SUFFIXES:
                path = folder / f"{ref}{suffix}"
                if ref and path.is_file():
                    return path
        names = self.names(kind)
        looked = ", ".join(self.shown(folder) for folder in self._folders(kind))
        url = ", or give a URL that begins with http:// or https://" if kind == "target" else ""
        known = f"there are: {', '.join(names) or 'none'} (in {looked})"
        called = ref or "(nothing)"
        guess = self._lying_here(kind, ref) or did_you_mean(ref, names)
        raise ProfileError([f"no {kind} is called {called}, {known}{guess}{url}"])

    def _lying_here(self, kind: Kind, ref: str) -> str:
        """What to write for a file of this folder, which a bare word does not name; empty without one."""
        if not ref or ref.startswith("."):
            return ""
        for suffix in _SUFFIXES:
            if (self.cwd / f"{ref}{suffix}").is_file():
                return f"; for the file {ref}{suffix} write it with its ending"
        if (self.cwd / ref).is_file():
            return f"; for the file {ref} write ./{ref}: a {kind} is YAML"
        if (self.cwd / ref).is_dir():
            return f"; {ref} is a folder here, and a {kind} is a YAML file"
        return ""

    def names(self, kind: Kind) -> list[str]:
        """All names of a kind, sorted."""
        files = (file for folder in self._folders(kind) if folder.is_dir() for file in folder.iterdir())
        return sorted({file.stem for file in files if file.suffix in _SUFFIXES})

    def shown(self, path: Path) -> str:
        """The path as a user would type it."""
        return str(path.relative_to(self.cwd)) if path.is_relative_to(self.cwd) else str(path)

    def _folders(self, kind: Kind) -> list[Path]:
        return [folder / _FOLDERS[kind] for folder in self.folders]
