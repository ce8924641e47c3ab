"""Documents from the web: pages, sitemaps, sites and feeds, fetched without reaching into the own network."""
