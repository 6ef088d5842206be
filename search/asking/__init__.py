"""Answer customers' questions by quotations from catalog, FAQ, policies and reviews."""
