"""Every use case, in the order in which a patient meets them: ask, choose, change.

Each function takes a session and never commits: the door that calls it opens one transaction.
"""
