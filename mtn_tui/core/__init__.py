"""What everything else stands on: no sockets, no child processes, no Textual."""
