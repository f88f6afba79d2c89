"""Start the server from the command line."""

from florence_ui.server.huge_pages import restart_with_huge_pages

if __name__ == "__main__":
    restart_with_huge_pages()
    from florence_ui.server.command_line import main  # its imports, a third of a second, only after the restart

    main()
