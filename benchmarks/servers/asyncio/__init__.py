"""asyncio's servers, as protocols; with the argument ``uvloop`` the same programs run on uvloop."""
