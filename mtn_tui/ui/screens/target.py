"""Which database a backup is restored into."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.operations.inventory import Backup, Standing
from mtn_tui.operations.preflight import check_request
from mtn_tui.ui import telling
from mtn_tui.ui.cells import wrapped
from mtn_tui.ui.widgets.lines import Line, Lines

if TYPE_CHECKING:
    from mtn_tui.ui.app import MtnApp


class Target(ModalScreen[str | None]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+c", "dismiss", show=False)]

    def __init__(self, backup: Backup) -> None:
        super().__init__()
        self._backup = backup
        self._refusal: UsageError | None = None

    def compose(self) -> ComposeResult:
        app = cast("MtnApp", self.app)
        field = Input(app.context.settings.staging_db_name, id="name", compact=True, select_on_focus=False)
        field.cursor_blink = False
        with Vertical(id="box"):
            yield Lines(id="said")
            yield field
            yield Lines(id="how")

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    @on(Input.Changed)
    def _typed(self) -> None:
        self._refusal = None
        self._draw()

    @on(Input.Submitted)
    def _given(self, event: Input.Submitted) -> None:
        """Nothing is begun that can be seen to be refused."""
        try:
            check_request(cast("MtnApp", self.app).context, self._backup, event.value, legacy_allowed=True)
        except UsageError as error:
            self._refusal = error
            self._draw()
            return
        self.dismiss(event.value)

    def _draw(self) -> None:
        room = min(70, self.app.size.width - 4) - 4
        lines: list[Line] = [[(line, "strong")] for line in wrapped(_("Restore into which database?"), room)]
        said = [
            telling.headline(self._backup),
            _("It is loaded beside, verified, and only then gets the name. Production is not touched."),
        ]
        if any(copy.standing is Standing.LEGACY for copy in self._backup.copies):
            said.append(
                _("The scripts made it: nothing vouches for its contents. enter loads it all the same.")
            )
        for paragraph in said:
            lines += [[]] + [[(line, "")] for line in wrapped(paragraph, room)]
        if self._refusal is not None:
            text = f"✖ {self._refusal.title} {self._refusal.hint}"
            lines += [[]] + [[(line, "bad")] for line in wrapped(text, room)]
        lines.append([])
        shown = self.query_one("#said", Lines)
        shown.styles.height = len(lines)
        shown.show(lines)
        self.query_one("#how", Lines).show([[(_("enter restores, esc goes back"), "dim")]])
